/* A stand-in for NVIDIA's libnvidia-ml.so.1, so that the real nvidia-ml-py runs through ctypes without a driver.
 *
 * Build: cc -shared -fPIC -o libnvidia-ml.so.1 nvml.c (see tests/driver.py, which also writes both files below).
 *
 * The devices are those of the file `nvml.machine` beside the library, one thing a line, "-" for what NVML does
 * not tell; without that file, two made-up ones:
 *     driver VERSION
 *     cuda NUMBER                                                as NVML has it: 12040 is CUDA 12.4
 *     gpu UUID MEMORY CAPABILITY BUS-ID MIG NAME                 MIG: 1 on, 0 off, - not supported
 *     mig SLOT UUID MEMORY GPU-INSTANCE COMPUTE-INSTANCE PROFILE of the GPU above; other slots are empty
 *
 * How it behaves is said by FAKE_NVML, or else by the file `nvml.mode` beside the library; it is read at each call:
 *     good       (default)
 *     mismatch   the error after a driver update without a reboot      unloaded  no kernel module
 *     lost       the second device has fallen off the bus              empty     no devices
 *     hang       blocks at the first call                              hang-1    blocks at the second device
 *     crash      dies at the first call                                crash-1   dies at the second device
 *     denied-1   the second device is not this user's                  denied    no device is
 *     partial    tells names only                                      uncounted does not tell how many
 *     plain-mig  MIG names without the profile (drivers before 470)    lies      nonsense in every field
 *     endless    says that there are four thousand million devices
 * The structures are those of nvml.h as nvidia-ml-py declares them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SUCCESS = 0,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    NO_PERMISSION = 4,
    NOT_FOUND = 6,
    DRIVER_NOT_LOADED = 9,
    GPU_IS_LOST = 15,
    LIB_RM_VERSION_MISMATCH = 18,
    UNKNOWN = 999
};

typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct {
    char legacy[16];
    unsigned int domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
} pci_t;
typedef struct {
    unsigned int multiprocessors, copy, decoders, encoders, jpegs, ofas, gpu_slices, compute_slices;
    unsigned long long memory_mb;
} attributes_t;

enum { MOST = 32 };

/* A GPU, or one of its MIG devices: then `parent` is the GPU's number. */
typedef struct {
    int parent, slot, gi, ci;
    char uuid[96], memory[32], capability[16], bus_id[32], mig[4], name[96];
} device_t;

static device_t devices[MOST * 8];
static int device_count;
static char driver[80] = "550.54.15";
static int cuda = 12040;

/* --- what the files beside the library say --------------------------------------------------------------------- */

static FILE *beside(const char *name) {
    char path[4096];
    Dl_info own;
    if (!dladdr((void *)beside, &own) || own.dli_fname == NULL) return NULL;
    snprintf(path, sizeof path, "%s", own.dli_fname);
    char *slash = strrchr(path, '/');
    snprintf(slash ? slash + 1 : path, sizeof path - (slash ? slash + 1 - path : 0), "%s", name);
    return fopen(path, "r");
}

static int is(const char *mode) {
    char said[64] = "good";
    const char *own = getenv("FAKE_NVML");
    if (own != NULL) {
        snprintf(said, sizeof said, "%s", own);
    } else {
        FILE *file = beside("nvml.mode");
        if (file != NULL) {
            if (fscanf(file, "%63s", said) != 1) strcpy(said, "good");
            fclose(file);
        }
    }
    return strcmp(said, mode) == 0;
}

static device_t *added(void) {
    device_t *new = &devices[device_count < MOST * 8 ? device_count++ : device_count - 1];
    memset(new, 0, sizeof *new);
    new->parent = -1;
    return new;
}

static void made_up(void) {
    /* the UUIDs tell whether the probe took CUDA_VISIBLE_DEVICES away */
    const char *seen = getenv("CUDA_VISIBLE_DEVICES") != NULL ? "restricted" : "all";
    device_t *new = added();
    snprintf(new->uuid, sizeof new->uuid, "GPU-%s-0", seen);
    strcpy(new->memory, "85520809984");
    strcpy(new->capability, "9.0");
    strcpy(new->bus_id, "00000000:3B:00.0");
    strcpy(new->mig, "1");
    strcpy(new->name, "NVIDIA H100 80GB HBM3");
    new = added();
    snprintf(new->uuid, sizeof new->uuid, "GPU-%s-1", seen);
    strcpy(new->memory, "-"); /* as on a device that shares the host's memory */
    strcpy(new->capability, "8.9");
    strcpy(new->bus_id, "00000000:AF:00.0");
    strcpy(new->mig, "-");
    strcpy(new->name, "NVIDIA GeForce RTX 4090");
}

static void machine(void) {
    FILE *file = beside("nvml.machine");
    char line[512];
    int gpu = -1;
    device_count = 0;
    if (file == NULL) {
        made_up();
        return;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "driver %79s", driver) == 1 || sscanf(line, "cuda %d", &cuda) == 1) continue;
        if (strncmp(line, "gpu ", 4) == 0) {
            device_t *new = added();
            gpu = (int)(new - devices);
            sscanf(line, "gpu %95s %31s %15s %31s %3s %95[^\n]", new->uuid, new->memory, new->capability,
                   new->bus_id, new->mig, new->name);
        } else if (strncmp(line, "mig ", 4) == 0 && gpu >= 0) {
            device_t *new = added();
            new->parent = gpu;
            sscanf(line, "mig %d %95s %31s %d %d %95[^\n]", &new->slot, new->uuid, new->memory, &new->gi, &new->ci,
                   new->name);
        }
    }
    fclose(file);
}

/* Returns the GPU with that index: MIG devices stand between the GPUs. */
static device_t *gpu_at(unsigned int index) {
    for (int n = 0; n < device_count; n++)
        if (devices[n].parent < 0 && index-- == 0) return &devices[n];
    return NULL;
}

static int told(const char *text) { return text[0] != '\0' && strcmp(text, "-") != 0 && !is("partial"); }

/* --- the library ------------------------------------------------------------------------------------------------- */

int nvmlInitWithFlags(unsigned int flags) {
    (void)flags;
    if (is("hang")) sleep(600);
    if (is("crash")) abort();
    if (is("mismatch")) return LIB_RM_VERSION_MISMATCH;
    if (is("unloaded")) return DRIVER_NOT_LOADED;
    machine();
    return SUCCESS;
}

int nvmlShutdown(void) { return SUCCESS; }

const char *nvmlErrorString(int code) {
    switch (code) {
    case NOT_SUPPORTED: return "Not Supported";
    case NO_PERMISSION: return "Insufficient Permissions";
    case NOT_FOUND: return "Not Found";
    case DRIVER_NOT_LOADED: return "Driver Not Loaded";
    case GPU_IS_LOST: return "GPU is lost";
    case LIB_RM_VERSION_MISMATCH: return "Driver/library version mismatch";
    default: return "Unknown Error";
    }
}

int nvmlSystemGetDriverVersion(char *text, unsigned int size) {
    snprintf(text, size, "%s", is("lies") ? "\xff\xfe newest" : driver);
    return SUCCESS;
}

int nvmlSystemGetCudaDriverVersion(int *version) {
    if (is("partial")) return UNKNOWN;
    *version = is("lies") ? -7 : cuda;
    return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned int *count) {
    if (is("uncounted")) return UNKNOWN;
    *count = 0;
    while (!is("empty") && gpu_at(*count) != NULL) ++*count;
    if (is("endless")) *count = 4000000000u;
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle) {
    if (index == 1 && is("hang-1")) sleep(600);
    if (index == 1 && is("crash-1")) abort();
    if (index == 1 && is("lost")) return GPU_IS_LOST;
    if (is("denied") || (index == 1 && is("denied-1"))) return NO_PERMISSION;
    *handle = gpu_at(index);
    if (is("endless") && *handle == NULL) *handle = gpu_at(0);
    return *handle == NULL ? INVALID_ARGUMENT : SUCCESS;
}

int nvmlDeviceGetName(void *handle, char *text, unsigned int size) {
    device_t *own = handle;
    if (own->parent >= 0 && is("plain-mig"))
        snprintf(text, size, "%s", devices[own->parent].name);
    else if (own->parent >= 0)
        snprintf(text, size, "%s MIG %s", devices[own->parent].name, own->name);
    else
        snprintf(text, size, "%s", is("lies") ? "\x1b[31mRTX\n\t9999" : own->name);
    return SUCCESS;
}

int nvmlDeviceGetUUID(void *handle, char *text, unsigned int size) {
    if (!told(((device_t *)handle)->uuid)) return NOT_SUPPORTED;
    snprintf(text, size, "%s", is("lies") ? "GPU-the same" : is("endless") ? "GPU-same" : ((device_t *)handle)->uuid);
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(void *handle, memory_t *memory) {
    if (!told(((device_t *)handle)->memory)) return NOT_SUPPORTED;
    memory->total = is("lies") ? ~0ULL : strtoull(((device_t *)handle)->memory, NULL, 10);
    memory->free = memory->used = 0;
    return SUCCESS;
}

int nvmlDeviceGetCudaComputeCapability(void *handle, int *major, int *minor) {
    if (!told(((device_t *)handle)->capability)) return NOT_SUPPORTED;
    if (is("lies")) {
        *major = -1;
        *minor = 0;
        return SUCCESS;
    }
    return sscanf(((device_t *)handle)->capability, "%d.%d", major, minor) == 2 ? SUCCESS : UNKNOWN;
}

int nvmlDeviceGetPciInfo_v3(void *handle, pci_t *pci) {
    if (!told(((device_t *)handle)->bus_id)) return NOT_SUPPORTED;
    memset(pci, 0, sizeof *pci);
    snprintf(pci->bus_id, sizeof pci->bus_id, "%s", is("lies") ? "\xff slot" : ((device_t *)handle)->bus_id);
    return SUCCESS;
}

/* --- MIG ----------------------------------------------------------------------------------------------------------- */

int nvmlDeviceGetMigMode(void *handle, unsigned int *current, unsigned int *pending) {
    if (!told(((device_t *)handle)->mig)) return is("partial") ? UNKNOWN : NOT_SUPPORTED;
    *current = *pending = (unsigned int)atoi(((device_t *)handle)->mig);
    return SUCCESS;
}

int nvmlDeviceGetMaxMigDeviceCount(void *handle, unsigned int *count) {
    *count = atoi(((device_t *)handle)->mig) ? 7 : 0;
    return SUCCESS;
}

int nvmlDeviceGetMigDeviceHandleByIndex(void *handle, unsigned int slot, void **mig) {
    int gpu = (int)((device_t *)handle - devices);
    for (int n = 0; n < device_count; n++)
        if (devices[n].parent == gpu && devices[n].slot == (int)slot) {
            *mig = &devices[n];
            return SUCCESS;
        }
    return NOT_FOUND;
}

int nvmlDeviceGetGpuInstanceId(void *handle, unsigned int *id) {
    *id = (unsigned int)((device_t *)handle)->gi;
    return ((device_t *)handle)->parent < 0 ? INVALID_ARGUMENT : SUCCESS;
}

int nvmlDeviceGetComputeInstanceId(void *handle, unsigned int *id) {
    *id = (unsigned int)((device_t *)handle)->ci;
    return ((device_t *)handle)->parent < 0 ? INVALID_ARGUMENT : SUCCESS;
}

int nvmlDeviceGetAttributes_v2(void *handle, attributes_t *attributes) {
    device_t *own = handle;
    unsigned int compute = 0;
    memset(attributes, 0, sizeof *attributes);
    if (own->parent < 0) return NOT_SUPPORTED;
    if (sscanf(own->name, "%uc.%ug", &compute, &attributes->gpu_slices) != 2) {
        if (sscanf(own->name, "%ug", &attributes->gpu_slices) != 1) return UNKNOWN;
        compute = attributes->gpu_slices;
    }
    attributes->compute_slices = compute;
    attributes->memory_mb = strtoull(own->memory, NULL, 10) / 1024 / 1024;
    return SUCCESS;
}
