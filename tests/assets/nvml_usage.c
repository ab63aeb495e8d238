/* The stand-in of nvml.c, which also tells who uses its devices: by the file `nvml.usage` beside it, a thing a line:
 *
 *     use UUID USED-BYTES LOAD-PERCENT                "-" for what NVML does not tell
 *     process UUID compute|mps|graphics PID BYTES     BYTES "-": not available, as on WSL
 *     whole UUID                                      its processes are root's to see, the parts' are not
 *     never UUID                                      it tells of no memory and no processes, as a Jetson
 *     broken UUID                                     it fails when it is asked for them
 *
 * -DOLD: a driver before 510, which has version 2 of the functions only. FAKE_NVML=hang-use: devices answer, their
 * use blocks.
 */
#define nvmlDeviceGetMemoryInfo memory_of_machine
#include "nvml.c"
#undef nvmlDeviceGetMemoryInfo

enum { INSUFFICIENT_SIZE = 7 };

typedef struct { unsigned int gpu, memory; } load_t;
/* nvmlProcessInfo_v2_t and nvmlProcessInfo_t are alike */
typedef struct { unsigned int pid; unsigned long long memory; unsigned int gi, ci; } process_t;

static int use_of(void *handle, char *used, char *load) {
    FILE *file = beside("nvml.usage");
    char line[512], uuid[96];
    int found = 0;
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL)
        found = sscanf(line, "use %95s %31s %31s", uuid, used, load) == 3 &&
                strcmp(uuid, ((device_t *)handle)->uuid) == 0;
    if (file != NULL) fclose(file);
    return found;
}

static int fault_of(void *handle) {
    FILE *file = beside("nvml.usage");
    char line[512], uuid[96];
    int code = SUCCESS;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "never %95s", uuid) == 1 && strcmp(uuid, ((device_t *)handle)->uuid) == 0)
            code = NOT_SUPPORTED;
        if (sscanf(line, "broken %95s", uuid) == 1 && strcmp(uuid, ((device_t *)handle)->uuid) == 0)
            code = UNKNOWN;
    }
    if (file != NULL) fclose(file);
    return code;
}

int nvmlDeviceGetMemoryInfo(void *handle, memory_t *memory) {
    char used[32], load[32];
    int fault = fault_of(handle);
    if (fault != SUCCESS) return fault;
    int code = memory_of_machine(handle, memory);
    if (code == SUCCESS && use_of(handle, used, load) && strcmp(used, "-") != 0)
        memory->used = strtoull(used, NULL, 10);
    memory->free = memory->total - memory->used;
    return code;
}

int nvmlDeviceGetUtilizationRates(void *handle, load_t *rates) {
    char used[32], load[32];
    if (is("hang-use")) sleep(600);
    if (((device_t *)handle)->parent >= 0 || !use_of(handle, used, load) || load[0] == '-') return NOT_SUPPORTED;
    rates->gpu = (unsigned int)atoi(load);
    rates->memory = 0;
    return SUCCESS;
}

static int processes(void *handle, unsigned int *count, process_t *found, const char *wanted) {
    FILE *file = beside("nvml.usage");
    char line[512], uuid[96], kind[16], memory[32];
    unsigned int pid, room = found == NULL ? 0 : *count, number = 0;
    int code = fault_of(handle);
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "whole %95s", uuid) == 1 && strcmp(uuid, ((device_t *)handle)->uuid) == 0)
            code = NO_PERMISSION;
        if (sscanf(line, "process %95s %15s %u %31s", uuid, kind, &pid, memory) != 4) continue;
        if (strcmp(uuid, ((device_t *)handle)->uuid) != 0 || strcmp(kind, wanted) != 0) continue;
        if (number < room) {
            memset(&found[number], 0, sizeof *found);
            found[number].pid = pid;
            found[number].memory = memory[0] == '-' ? ~0ULL : strtoull(memory, NULL, 10);
        }
        number++;
    }
    if (file != NULL) fclose(file);
    if (code != SUCCESS) return code;
    *count = number;
    return number > room ? INSUFFICIENT_SIZE : SUCCESS;
}

#ifdef OLD
#define VERSION(name) name##_v2
#else
#define VERSION(name) name##_v3
#endif

int VERSION(nvmlDeviceGetComputeRunningProcesses)(void *handle, unsigned int *count, process_t *found) {
    return processes(handle, count, found, "compute");
}

int VERSION(nvmlDeviceGetMPSComputeRunningProcesses)(void *handle, unsigned int *count, process_t *found) {
    return processes(handle, count, found, "mps");
}

int VERSION(nvmlDeviceGetGraphicsRunningProcesses)(void *handle, unsigned int *count, process_t *found) {
    return processes(handle, count, found, "graphics");
}
