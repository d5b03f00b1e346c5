/*
 * A stand-in for libnvidia-ml.so.1: the functions that nvidia-ml-py calls, with the signatures of NVIDIA's
 * "NVML API Reference Guide", and answers that environment variables choose:
 *
 *   STAND_IN_DEVICES   how many devices there are (default 1)
 *   STAND_IN_MIG       1: every device is divided into two instances
 *   STAND_IN_NAME      what the devices are called
 *   STAND_IN_FAIL      "function=code,function@device=code": answer with an error
 *   STAND_IN_HANG      a function that never returns
 *   STAND_IN_ABORT     a function that ends the process by abort(3)
 *   STAND_IN_LINKS     how many links of NVLink are up, of 18 (default 18)
 *   STAND_IN_ERRORS    memory errors that were not corrected (default 0)
 *   STAND_IN_LOG       a file to which each call appends its name
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, NO_DEVICE = -1 };

#define INSTANCES 2
#define INSTANCE_BIT 0x1000

typedef struct pci_info {
    char legacy[16];
    unsigned domain, bus, device, id, subsystem;
    char bus_id[32];
} pci_info;

typedef struct memory_info {
    unsigned long long total, free, used;
} memory_info;

typedef struct attributes {
    unsigned multiprocessors, others[7];
    unsigned long long memory_mib;
} attributes;

static const char *choose(const char *variable, const char *fallback)
{
    const char *value = getenv(variable);
    return value != NULL ? value : fallback;
}

static void note(const char *function)
{
    const char *path = getenv("STAND_IN_LOG");
    FILE *file = path != NULL ? fopen(path, "a") : NULL;
    if (file != NULL) {
        (void)fprintf(file, "%s\n", function);
        (void)fclose(file);
    }
}

static int find_failure(const char *label)
{
    const char *found = strstr(choose("STAND_IN_FAIL", ""), label);
    return found != NULL ? atoi(found + strlen(label)) : SUCCESS;
}

/* What the function answers before it does anything. */
static int begin(const char *function, int device)
{
    char label[128];
    note(function);
    while (strcmp(choose("STAND_IN_HANG", ""), function) == 0) {
        (void)pause();
    }
    if (strcmp(choose("STAND_IN_ABORT", ""), function) == 0) {
        abort();
    }
    (void)snprintf(label, sizeof label, "%s=", function);
    const int failure = find_failure(label);
    (void)snprintf(label, sizeof label, "%s@%d=", function, device);
    return failure != SUCCESS || device == NO_DEVICE ? failure : find_failure(label);
}

static int number_of(const void *handle)
{
    return (int)((uintptr_t)handle & (INSTANCE_BIT - 1)) - 1;
}

static int is_instance(const void *handle)
{
    return ((uintptr_t)handle & ~(uintptr_t)(INSTANCE_BIT - 1)) != 0;
}

static int put_text(char *out, unsigned size, const char *text)
{
    (void)snprintf(out, size, "%s", text);
    return SUCCESS;
}

#define BEGIN(device)                                                                                                  \
    do {                                                                                                               \
        const int failure = begin(__func__, (device));                                                                 \
        if (failure != SUCCESS) {                                                                                      \
            return failure;                                                                                            \
        }                                                                                                              \
    } while (0)

int nvmlInitWithFlags(unsigned flags)
{
    BEGIN(NO_DEVICE);
    return flags == 0 || flags == 2 ? SUCCESS : INVALID_ARGUMENT;
}

int nvmlShutdown(void)
{
    BEGIN(NO_DEVICE);
    return SUCCESS;
}

const char *nvmlErrorString(int code)
{
    (void)code;
    return "an error of the stand-in";
}

int nvmlSystemGetDriverVersion(char *out, unsigned size)
{
    BEGIN(NO_DEVICE);
    return put_text(out, size, "580.65.06");
}

int nvmlSystemGetCudaDriverVersion_v2(int *out)
{
    BEGIN(NO_DEVICE);
    *out = 13000;
    return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned *out)
{
    BEGIN(NO_DEVICE);
    *out = (unsigned)atoi(choose("STAND_IN_DEVICES", "1"));
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **out)
{
    BEGIN((int)index);
    *out = (void *)((uintptr_t)index + 1);
    return SUCCESS;
}

int nvmlDeviceGetName(const void *device, char *out, unsigned size)
{
    BEGIN(number_of(device));
    return put_text(out, size,
                    is_instance(device) ? "NVIDIA H100 MIG 1g.10gb" : choose("STAND_IN_NAME", "NVIDIA H100"));
}

int nvmlDeviceGetMemoryInfo(const void *device, memory_info *out)
{
    BEGIN(number_of(device));
    *out = (memory_info){85520809984ULL, 80000000000ULL, 5520809984ULL};
    return SUCCESS;
}

int nvmlDeviceGetVbiosVersion(const void *device, char *out, unsigned size)
{
    BEGIN(number_of(device));
    return put_text(out, size, "96.00.74.00.1C");
}

int nvmlDeviceGetCudaComputeCapability(const void *device, int *major, int *minor)
{
    BEGIN(number_of(device));
    *major = 9;
    *minor = 0;
    return SUCCESS;
}

int nvmlDeviceGetNumGpuCores(const void *device, unsigned *out)
{
    BEGIN(number_of(device));
    *out = 132 * 128;
    return SUCCESS;
}

int nvmlDeviceGetEccMode(const void *device, unsigned *current, unsigned *pending)
{
    BEGIN(number_of(device));
    *current = 1;
    *pending = 0;
    return SUCCESS;
}

int nvmlDeviceGetMigMode(const void *device, unsigned *current, unsigned *pending)
{
    BEGIN(number_of(device));
    *current = (unsigned)atoi(choose("STAND_IN_MIG", "0"));
    *pending = *current;
    return SUCCESS;
}

int nvmlDeviceGetMaxMigDeviceCount(const void *device, unsigned *out)
{
    BEGIN(number_of(device));
    *out = 7;
    return SUCCESS;
}

int nvmlDeviceGetMigDeviceHandleByIndex(const void *device, unsigned index, void **out)
{
    BEGIN(number_of(device));
    if (index >= INSTANCES) {
        return NOT_FOUND;
    }
    *out = (void *)((uintptr_t)device | (uintptr_t)INSTANCE_BIT * (index + 1));
    return SUCCESS;
}

int nvmlDeviceGetAttributes_v2(const void *device, attributes *out)
{
    BEGIN(number_of(device));
    if (!is_instance(device)) {
        return NOT_SUPPORTED;
    }
    memset(out, 0, sizeof *out);
    out->multiprocessors = 16;
    out->memory_mib = 9856;
    return SUCCESS;
}

int nvmlDeviceGetUUID(const void *device, char *out, unsigned size)
{
    BEGIN(number_of(device));
    (void)snprintf(out, size, "GPU-00000000-0000-0000-0000-00000000000%d", number_of(device));
    return SUCCESS;
}

int nvmlDeviceGetSerial(const void *device, char *out, unsigned size)
{
    BEGIN(number_of(device));
    return put_text(out, size, "1650522000000");
}

int nvmlDeviceGetPciInfo_v3(const void *device, pci_info *out)
{
    BEGIN(number_of(device));
    memset(out, 0, sizeof *out);
    (void)snprintf(out->bus_id, sizeof out->bus_id, "00000000:%02X:00.0", 0x18 + (unsigned)number_of(device));
    return SUCCESS;
}

#define ANSWER(function, value)                                                                                        \
    int function(const void *device, unsigned *out)                                                                    \
    {                                                                                                                  \
        BEGIN(number_of(device));                                                                                      \
        *out = (value);                                                                                                \
        return SUCCESS;                                                                                                \
    }

ANSWER(nvmlDeviceGetMemoryBusWidth, 5120)
ANSWER(nvmlDeviceGetMaxPcieLinkGeneration, 5)
ANSWER(nvmlDeviceGetMaxPcieLinkWidth, 16)
ANSWER(nvmlDeviceGetCurrPcieLinkGeneration, 1)
ANSWER(nvmlDeviceGetComputeMode, 3)
ANSWER(nvmlDeviceGetVirtualizationMode, 1)
ANSWER(nvmlDeviceGetPersistenceMode, 1)
ANSWER(nvmlDeviceGetEnforcedPowerLimit, 700000)

#define ANSWER_TEXT(function, value)                                                                                   \
    int function(const void *device, char *out, unsigned size)                                                         \
    {                                                                                                                  \
        BEGIN(number_of(device));                                                                                      \
        return put_text(out, size, (value));                                                                           \
    }

ANSWER_TEXT(nvmlDeviceGetBoardPartNumber, "900-21010-0000-000")
ANSWER_TEXT(nvmlDeviceGetInforomImageVersion, "G520.0200.00.05")

int nvmlDeviceGetGspFirmwareVersion(const void *device, char *out)
{
    BEGIN(number_of(device));
    return put_text(out, 64, "580.65.06");
}

int nvmlDeviceGetTotalEccErrors(const void *device, int type, int counter, unsigned long long *out)
{
    BEGIN(number_of(device));
    *out = type == 1 && counter == 0 ? (unsigned long long)atoi(choose("STAND_IN_ERRORS", "0")) : 99;
    return SUCCESS;
}

int nvmlDeviceGetRemappedRows(const void *device, unsigned *corrected, unsigned *uncorrected, unsigned *pending,
                              unsigned *failed)
{
    BEGIN(number_of(device));
    *corrected = 1;
    *uncorrected = *pending = *failed = 0;
    return SUCCESS;
}

int nvmlDeviceGetClockInfo(const void *device, int kind, unsigned *out)
{
    BEGIN(number_of(device));
    *out = kind == 1 ? 1980 : 2619;
    return SUCCESS;
}

int nvmlDeviceGetTemperature(const void *device, int sensor, unsigned *out)
{
    BEGIN(number_of(device));
    *out = 41U + (unsigned)sensor;
    return SUCCESS;
}

int nvmlDeviceGetCurrentClocksThrottleReasons(const void *device, unsigned long long *out)
{
    BEGIN(number_of(device));
    *out = 4;
    return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(const void *device, unsigned *count, void *out)
{
    BEGIN(number_of(device));
    (void)out;
    *count = 0;
    return SUCCESS;
}

int nvmlDeviceGetNvLinkState(const void *device, unsigned link, unsigned *out)
{
    BEGIN(number_of(device));
    if (link >= 18) {
        return INVALID_ARGUMENT;
    }
    *out = link < (unsigned)atoi(choose("STAND_IN_LINKS", "18"));
    return SUCCESS;
}

int nvmlDeviceGetNvLinkVersion(const void *device, unsigned link, unsigned *out)
{
    BEGIN(number_of(device));
    (void)link;
    *out = 6;
    return SUCCESS;
}

typedef struct fabric_info {
    unsigned char cluster[16];
    int status;
    unsigned clique;
    unsigned char state;
} fabric_info;

int nvmlDeviceGetGpuFabricInfo(const void *device, fabric_info *out)
{
    BEGIN(number_of(device));
    memset(out, 0, sizeof *out);
    memset(out->cluster, 0xAB, sizeof out->cluster);
    out->clique = 7;
    out->state = 3;
    return SUCCESS;
}

/* The first two devices share a switch, others the host's bus. */
int nvmlDeviceGetTopologyCommonAncestor(const void *one, const void *other, int *out)
{
    BEGIN(number_of(one));
    *out = number_of(one) + number_of(other) == 1 ? 10 : 50;
    return SUCCESS;
}

int nvmlDeviceGetP2PStatus(const void *one, const void *other, int what, int *out)
{
    BEGIN(number_of(one));
    *out = what == 0 && number_of(one) + number_of(other) == 1 ? 0 : 3;
    return SUCCESS;
}

int nvmlSystemGetConfComputeState(unsigned *out)
{
    BEGIN(NO_DEVICE);
    out[0] = out[1] = out[2] = 0;
    return SUCCESS;
}
