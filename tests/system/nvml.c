/* A driver of two GPUs for the tests; the energy of each grows by 1,800 J with every question. */
#include <string.h>

typedef struct { int index; } gpu;
static gpu gpus[] = {{0}, {1}};
static const char *names[] = {"NVIDIA H200", "NVIDIA T4"};
static const char *uuids[] = {"GPU-aaaa", "GPU-bbbb"};
static unsigned long long used[] = {18000000000000ULL, 0};

int nvmlInit_v2(void) { return 0; }

int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return 0; }

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, gpu **device) {
    if (index > 1) return 2;
    *device = &gpus[index];
    return 0;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, gpu **device) {
    for (int i = 0; i < 2; i++)
        if (!strncmp(uuid, uuids[i], strlen(uuid))) { *device = &gpus[i]; return 0; }
    return 6;
}

int nvmlDeviceGetName(gpu *device, char *name, unsigned int length) {
    if (strlen(names[device->index]) >= length) return 7;
    strcpy(name, names[device->index]);
    return 0;
}

typedef struct { unsigned long long total, free, used; } memory;

int nvmlDeviceGetMemoryInfo(gpu *device, memory *found) {
    found->total = device->index ? 16ULL << 30 : 141ULL << 30;
    found->used = 1ULL << 30;
    found->free = found->total - found->used;
    return 0;
}

int nvmlDeviceGetTotalEnergyConsumption(gpu *device, unsigned long long *millijoules) {
    *millijoules = used[device->index] += 1800000;
    return 0;
}
