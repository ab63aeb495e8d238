/* A stand-in for NVIDIA's libnvidia-ml.so.1, so that the real nvidia-ml-py runs through ctypes without a driver.
 *
 * FAKE_NVML chooses the behaviour: unset or "good", "mismatch" (the error after a driver update without a
 * reboot), "unloaded", "lost" (the second device has fallen off the bus), "hang", "crash", "empty" (no devices).
 * The structures are those of nvml.h as nvidia-ml-py declares them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, NOT_SUPPORTED = 3, DRIVER_NOT_LOADED = 9, GPU_IS_LOST = 15, LIB_RM_VERSION_MISMATCH = 18 };

typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct {
    char legacy[16];
    unsigned int domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
} pci_t;

static int devices[] = {0, 1};

static int is(const char *mode) {
    const char *own = getenv("FAKE_NVML");
    return own != NULL && strcmp(own, mode) == 0;
}

int nvmlInitWithFlags(unsigned int flags) {
    (void)flags;
    if (is("hang")) sleep(600);
    if (is("crash")) abort();
    if (is("mismatch")) return LIB_RM_VERSION_MISMATCH;
    if (is("unloaded")) return DRIVER_NOT_LOADED;
    return SUCCESS;
}

int nvmlShutdown(void) { return SUCCESS; }

const char *nvmlErrorString(int code) {
    switch (code) {
    case DRIVER_NOT_LOADED: return "Driver Not Loaded";
    case GPU_IS_LOST: return "GPU is lost";
    case LIB_RM_VERSION_MISMATCH: return "Driver/library version mismatch";
    default: return "Unknown Error";
    }
}

int nvmlSystemGetDriverVersion(char *text, unsigned int size) {
    snprintf(text, size, "550.54.15");
    return SUCCESS;
}

int nvmlSystemGetCudaDriverVersion(int *version) {
    *version = 12040;
    return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned int *count) {
    *count = is("empty") ? 0 : 2;
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle) {
    if (index == 1 && is("lost")) return GPU_IS_LOST;
    *handle = &devices[index];
    return SUCCESS;
}

int nvmlDeviceGetName(void *handle, char *text, unsigned int size) {
    snprintf(text, size, *(int *)handle == 0 ? "NVIDIA H100 80GB HBM3" : "NVIDIA GeForce RTX 4090");
    return SUCCESS;
}

int nvmlDeviceGetUUID(void *handle, char *text, unsigned int size) {
    /* tells whether the probe took CUDA_VISIBLE_DEVICES away */
    int seen = getenv("CUDA_VISIBLE_DEVICES") != NULL;
    snprintf(text, size, "GPU-%s-%d", seen ? "restricted" : "all", *(int *)handle);
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(void *handle, memory_t *memory) {
    if (*(int *)handle == 1) return NOT_SUPPORTED; /* as on a device that shares the host's memory */
    memory->total = 85520809984ULL;
    memory->free = memory->used = 0;
    return SUCCESS;
}

int nvmlDeviceGetCudaComputeCapability(void *handle, int *major, int *minor) {
    *major = *(int *)handle == 0 ? 9 : 8;
    *minor = *(int *)handle == 0 ? 0 : 9;
    return SUCCESS;
}

int nvmlDeviceGetPciInfo_v3(void *handle, pci_t *pci) {
    memset(pci, 0, sizeof *pci);
    snprintf(pci->bus_id, sizeof pci->bus_id, "00000000:%02X:00.0", *(int *)handle == 0 ? 0x3b : 0xaf);
    return SUCCESS;
}

int nvmlDeviceGetMigMode(void *handle, unsigned int *current, unsigned int *pending) {
    if (*(int *)handle == 1) return NOT_SUPPORTED;
    *current = *pending = 1;
    return SUCCESS;
}
