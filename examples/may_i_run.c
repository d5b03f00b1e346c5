/* May I run? Asks reprofp's daemon whether anything is in the way of repeating a baseline.
 *
 *     cc -O2 -o may_i_run may_i_run.c
 *     may_i_run SOCKET BASELINE SNAPSHOT [LEVEL]
 *
 * BASELINE and SNAPSHOT are names of records in the daemon's ledger: an id, a tag, @-1 (the newest record). Exits as
 * `reprofp check` does: 0 yes, 1 no, 2 undecided; 3 where there is no answer. A client in any language does the same:
 * a big-endian u32 length, then one msgpack map whose keys stand in order; docs/formats/wire.md has the rest.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

enum { NO_ANSWER = 3, HEADER = 4, MAX_REQUEST = 4096, MAX_REPLY = 16 << 20, MAX_DEPTH = 32, TIMEOUT_S = 10 };

typedef struct {
    uint8_t bytes[MAX_REQUEST];
    size_t size;
} Writer;

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} Reader;

static void fail(const char *what)
{
    fprintf(stderr, "may_i_run: %s\n", what);
    exit(NO_ANSWER);
}

static void put_byte(Writer *writer, uint8_t byte)
{
    if (writer->size == sizeof writer->bytes) {
        fail("the names are too long");
    }
    writer->bytes[writer->size++] = byte;
}

/* The shortest of msgpack's forms, as canonical bytes want it. */
static void put_text(Writer *writer, const char *text)
{
    size_t length = strlen(text);
    if (length > 31) {
        put_byte(writer, length > 255 ? (fail("a name has at most 255 bytes"), 0) : 0xd9);
    }
    put_byte(writer, (uint8_t)(length > 31 ? length : 0xa0 | length));
    for (size_t i = 0; i < length; i++) {
        put_byte(writer, (uint8_t)text[i]);
    }
}

static void put_pair(Writer *writer, const char *key, const char *value)
{
    put_text(writer, key);
    put_text(writer, value);
}

static uint64_t take_number(Reader *reader, unsigned width)
{
    uint64_t number = 0;
    if ((size_t)(reader->end - reader->at) < width) {
        fail("the reply ends too early");
    }
    while (width-- > 0) {
        number = number << 8 | *reader->at++;
    }
    return number;
}

static void pass(Reader *reader, uint64_t count)
{
    if ((uint64_t)(reader->end - reader->at) < count) {
        fail("the reply ends too early");
    }
    reader->at += count;
}

/* Pass over one value, whatever it holds. */
static void skip(Reader *reader, int depth)
{
    static const uint8_t widths[] = {4, 8, 1, 2, 4, 8, 1, 2, 4, 8}; /* 0xca to 0xd3 */
    uint8_t code = (uint8_t)take_number(reader, 1);
    uint64_t held = 0;
    if (depth > MAX_DEPTH) {
        fail("the reply nests too deep");
    }
    if (code >= 0x80 && code <= 0x8f) {
        held = 2 * (uint64_t)(code & 15);
    } else if (code >= 0x90 && code <= 0x9f) {
        held = code & 15;
    } else if (code >= 0xa0 && code <= 0xbf) {
        pass(reader, code & 31);
    } else if (code >= 0xc4 && code <= 0xc6) {
        pass(reader, take_number(reader, 1U << (code - 0xc4)));
    } else if (code >= 0xca && code <= 0xd3) {
        pass(reader, widths[code - 0xca]);
    } else if (code >= 0xd9 && code <= 0xdb) {
        pass(reader, take_number(reader, 1U << (code - 0xd9)));
    } else if (code >= 0xdc && code <= 0xdf) {
        held = take_number(reader, code & 1 ? 4 : 2) * (code >= 0xde ? 2 : 1);
    }
    while (held-- > 0) {
        skip(reader, depth + 1);
    }
}

static uint64_t take_map(Reader *reader)
{
    uint8_t code = (uint8_t)take_number(reader, 1);
    if (code >= 0x80 && code <= 0x8f) {
        return code & 15;
    }
    return code == 0xde ? take_number(reader, 2) : 0;
}

/* Move to the value of a key of the map that the reader is at; 0 where there is none. */
static int find(Reader *reader, const char *key)
{
    Reader copy = *reader;
    for (uint64_t left = take_map(&copy); left > 0; left--) {
        Reader name = copy;
        skip(&copy, 0);
        uint8_t code = (uint8_t)take_number(&name, 1);
        if (code == (0xa0 | strlen(key)) && memcmp(name.at, key, strlen(key)) == 0) {
            *reader = copy;
            return 1;
        }
        skip(&copy, 0);
    }
    return 0;
}

static void transfer(int channel, uint8_t *bytes, size_t size, int is_sent)
{
    while (size > 0) {
        ssize_t count = is_sent ? send(channel, bytes, size, MSG_NOSIGNAL) : recv(channel, bytes, size, 0);
        if (count <= 0) {
            fail("the daemon does not answer");
        }
        bytes += count;
        size -= (size_t)count;
    }
}

int main(int count, char **words)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = TIMEOUT_S};
    Writer request = {.size = HEADER};
    if (count < 4 || strlen(words[1]) >= sizeof address.sun_path) {
        fail("usage: may_i_run SOCKET BASELINE SNAPSHOT [LEVEL]");
    }
    put_byte(&request, 0x83); /* a map of three: method, params, version */
    put_pair(&request, "method", "check");
    put_text(&request, "params");
    put_byte(&request, 0x83);
    put_pair(&request, "baseline", words[2]);
    put_pair(&request, "now", words[3]);
    put_pair(&request, "require", count > 4 ? words[4] : "bitwise");
    put_text(&request, "version");
    put_byte(&request, 1);
    for (unsigned i = 0; i < HEADER; i++) {
        request.bytes[i] = (uint8_t)((request.size - HEADER) >> (24 - 8 * i));
    }
    int channel = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, words[1], strlen(words[1]) + 1);
    if (channel < 0 || connect(channel, (struct sockaddr *)&address, sizeof address) != 0) {
        fail("the daemon is not there: start it with `reprofp daemon`");
    }
    setsockopt(channel, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    transfer(channel, request.bytes, request.size, 1);
    uint8_t header[HEADER];
    transfer(channel, header, HEADER, 0);
    Reader length = {header, header + HEADER};
    uint64_t size = take_number(&length, HEADER);
    uint8_t *reply = size <= MAX_REPLY ? malloc(size + 1) : NULL;
    if (reply == NULL) {
        fail("the reply is too long");
    }
    transfer(channel, reply, size, 0);
    Reader result = {reply, reply + size};
    Reader error = result;
    if (find(&error, "error") && find(&error, "text")) {
        uint8_t code = *error.at;
        Reader text = {error.at + (code < 0xc0 ? 1 : 1 + (1 << (code - 0xd9))), NULL};
        skip(&error, 0);
        fprintf(stderr, "may_i_run: %.*s\n", (int)(error.at - text.at), (const char *)text.at);
    }
    int answer = find(&result, "result") && find(&result, "answer") ? (int)take_number(&result, 1) : NO_ANSWER;
    static const char *const answers[] = {"yes", "no", "undecided"};
    puts(answer >= 0 && answer < NO_ANSWER ? answers[answer] : "no answer");
    free(reply);
    return answer >= 0 && answer < NO_ANSWER ? answer : NO_ANSWER;
}
