/*
 * reprofp-library-versions: asks libraries of the CUDA family for their versions, each in a process of its own.
 *
 *     reprofp-library-versions MILLISECONDS NAME=PATH...
 *
 * A vendor's library may abort, hang or end the process when it is loaded without its parts or its driver: cuDNN 9
 * without its sub-libraries aborts. So each is loaded by a child, and what becomes of the child is the answer. One line
 * for each, in the order of the arguments:
 *
 *     NAME version NUMBER...   what its function for that gave: one number, or several parts
 *     NAME missing             there is no such library, or one that it needs is not there
 *     NAME silent              it has no function that is known, or that function failed
 *     NAME signal NUMBER       it ended its process: 6 for abort(3)
 *     NAME exit CODE
 *     NAME late                it did not answer in time, and was killed
 *
 * The exit code is 0 whatever the libraries did, and 64 for a usage error.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 32, ANSWER = 96, MISSING = 10, SILENT = 11, USAGE = 64 };

typedef int (*int_getter)(int *);
typedef int (*pair_getter)(int *, int *);
typedef int (*property_getter)(int, int *);
typedef size_t (*size_getter)(void);

typedef enum { BY_INT, BY_PAIR, BY_PROPERTY, BY_SIZE } manner;

/* The functions that give a version, by the manuals of the libraries: none of them starts a device. */
static const struct {
    const char *name;
    const char *symbol;
    manner by;
} getters[] = {
    {"cuda", "cuDriverGetVersion", BY_INT},
    {"cudart", "cudaRuntimeGetVersion", BY_INT},
    {"cudnn", "cudnnGetVersion", BY_SIZE},
    {"cublas", "cublasGetProperty", BY_PROPERTY},
    {"cublasLt", "cublasLtGetVersion", BY_SIZE},
    {"nccl", "ncclGetVersion", BY_INT},
    {"cufft", "cufftGetVersion", BY_INT},
    {"curand", "curandGetVersion", BY_INT},
    {"cusparse", "cusparseGetProperty", BY_PROPERTY},
    {"cusolver", "cusolverGetProperty", BY_PROPERTY},
    {"nvrtc", "nvrtcVersion", BY_PAIR},
};

typedef struct question {
    const char *path;
    char name[24];
    pid_t child;
    int answer;
} question;

static int ask_property(property_getter get, char *out)
{
    int parts[3] = {0, 0, 0};
    for (int part = 0; part < 3; part++) {
        if (get(part, &parts[part]) != 0) {
            return SILENT;
        }
    }
    (void)snprintf(out, ANSWER, "%d %d %d", parts[0], parts[1], parts[2]);
    return 0;
}

static int ask_numbers(void *symbol, manner by, char *out)
{
    int one = 0, two = 0;
    int failed = 0;
    size_t size = 0;
    switch (by) {
    case BY_INT:
        failed = ((int_getter)symbol)(&one);
        break;
    case BY_PAIR:
        failed = ((pair_getter)symbol)(&one, &two);
        break;
    case BY_SIZE:
        size = ((size_getter)symbol)();
        break;
    case BY_PROPERTY:
        return ask_property((property_getter)symbol, out);
    }
    if (failed) {
        return SILENT;
    }
    if (by == BY_PAIR) {
        (void)snprintf(out, ANSWER, "%d %d", one, two);
    } else {
        (void)snprintf(out, ANSWER, "%zu", by == BY_SIZE ? size : (size_t)one);
    }
    return 0;
}

static int ask_library(const question *asked, char *out)
{
    void *handle = dlopen(asked->path, RTLD_LAZY | RTLD_LOCAL);
    if (handle == NULL) {
        return MISSING;
    }
    for (size_t index = 0; index < sizeof getters / sizeof *getters; index++) {
        if (strcmp(getters[index].name, asked->name) == 0) {
            void *symbol = dlsym(handle, getters[index].symbol);
            return symbol == NULL ? SILENT : ask_numbers(symbol, getters[index].by, out);
        }
    }
    return SILENT;
}

/* What the library writes on its own must not reach the answers, and a crash leaves no core file. */
static void run_child(const question *asked, int answer)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int null = open("/dev/null", O_RDWR);
    if (null >= 0) {
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
    }
    char out[ANSWER] = "";
    const int code = ask_library(asked, out);
    const size_t length = strlen(out);
    if (code == 0 && write(answer, out, length) != (ssize_t)length) {
        _exit(SILENT);
    }
    _exit(code); /* no destructors of the library */
}

static int start(question *asked)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return -1;
    }
    asked->answer = ends[0];
    asked->child = fork();
    if (asked->child == 0) {
        (void)close(ends[0]);
        run_child(asked, ends[1]);
    }
    (void)close(ends[1]);
    return asked->child < 0 ? -1 : 0;
}

static long long now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static void tell(const question *asked, int status, const char *answer)
{
    if (WIFSIGNALED(status)) {
        printf("%s signal %d\n", asked->name, WTERMSIG(status));
    } else if (WEXITSTATUS(status) == 0 && answer[0] != '\0') {
        printf("%s version %s\n", asked->name, answer);
    } else if (WEXITSTATUS(status) == MISSING) {
        printf("%s missing\n", asked->name);
    } else if (WEXITSTATUS(status) == SILENT || WEXITSTATUS(status) == 0) {
        printf("%s silent\n", asked->name);
    } else {
        printf("%s exit %d\n", asked->name, WEXITSTATUS(status));
    }
}

/* The pipe ends when the child does: it answers, or says nothing. A grandchild that holds it does not hold us. */
static void finish(question *asked, long long deadline)
{
    char answer[ANSWER] = "";
    const long long left = deadline - now();
    struct pollfd wait = {.fd = asked->answer, .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, left > 0 ? (int)left : 0) <= 0) {
        (void)kill(asked->child, SIGKILL);
        (void)waitpid(asked->child, NULL, 0);
        printf("%s late\n", asked->name);
    } else {
        int status = 0;
        const ssize_t length = read(asked->answer, answer, sizeof answer - 1);
        answer[length > 0 ? length : 0] = '\0';
        (void)waitpid(asked->child, &status, 0);
        tell(asked, status, answer);
    }
    (void)close(asked->answer);
}

static int parse(question *asked, const char *argument)
{
    const char *sign = strchr(argument, '=');
    if (sign == NULL || sign == argument || (size_t)(sign - argument) >= sizeof asked->name) {
        return -1;
    }
    memset(asked, 0, sizeof *asked);
    memcpy(asked->name, argument, (size_t)(sign - argument));
    asked->path = sign + 1;
    return 0;
}

int main(int argc, char **argv)
{
    static question questions[MOST];
    const long limit = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    const int count = argc - 2;
    if (limit <= 0 || limit > 600000 || count < 1 || count > MOST) {
        (void)fprintf(stderr, "usage: reprofp-library-versions MILLISECONDS NAME=PATH...\n");
        return USAGE;
    }
    for (int index = 0; index < count; index++) {
        if (parse(&questions[index], argv[index + 2]) != 0) {
            (void)fprintf(stderr, "reprofp-library-versions: %s is not NAME=PATH\n", argv[index + 2]);
            return USAGE;
        }
    }
    const long long deadline = now() + limit;
    for (int index = 0; index < count; index++) {
        if (start(&questions[index]) != 0) {
            questions[index].child = 0;
        }
    }
    for (int index = 0; index < count; index++) {
        if (questions[index].child > 0) {
            finish(&questions[index], deadline);
        } else {
            printf("%s silent\n", questions[index].name);
        }
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
