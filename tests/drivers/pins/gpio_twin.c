/* The kernel's GPIO chip for real libraries: preloaded into a program, it answers for /dev/gpiochip0 with the structs of linux/gpio.h.
 * A line is a memfd with the name and the contents of tests/drivers/pins/kernel.py, so that the test looks at its pin from outside.
 * CCSBOX_TWIN: tag of the lines; CCSBOX_TWIN_LABEL: label of the chip; CCSBOX_TWIN_BUSY: an offset that "spi0 CS0" holds.
 * A line is busy while this process has a descriptor of it: it is asked for by name. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define CHIP "/dev/gpiochip0"
#define LINES 54
enum { PIN, ACTIVE_LOW, OUTPUT, FAULT, SHORTED, WRITES, STATE };

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

static const char *setting(const char *name, const char *otherwise) { const char *said = getenv(name); return said ? said : otherwise; }

static int device(struct stat *st) { memset(st, 0, sizeof *st); st->st_mode = S_IFCHR | 0660; st->st_rdev = makedev(254, 0); return 0; }

int stat(const char *path, struct stat *st) { return strcmp(path, CHIP) ? ((int (*)(const char *, struct stat *))next("stat"))(path, st) : device(st); }
int lstat(const char *path, struct stat *st) { return strcmp(path, CHIP) ? ((int (*)(const char *, struct stat *))next("lstat"))(path, st) : device(st); }
int stat64(const char *path, struct stat64 *st) { return strcmp(path, CHIP) ? ((int (*)(const char *, struct stat64 *))next("stat64"))(path, st) : device((struct stat *)st); }
int lstat64(const char *path, struct stat64 *st) { return strcmp(path, CHIP) ? ((int (*)(const char *, struct stat64 *))next("lstat64"))(path, st) : device((struct stat *)st); }
int __xstat(int v, const char *path, struct stat *st) { return strcmp(path, CHIP) ? ((int (*)(int, const char *, struct stat *))next("__xstat"))(v, path, st) : device(st); }
int __lxstat(int v, const char *path, struct stat *st) { return strcmp(path, CHIP) ? ((int (*)(int, const char *, struct stat *))next("__lxstat"))(v, path, st) : device(st); }

char *realpath(const char *path, char *into)
{
    if (!strcmp(path, "/sys/dev/char/254:0/subsystem")) return strdup("/sys/bus/gpio");
    if (!strcmp(path, CHIP)) return strdup(CHIP);
    return ((char *(*)(const char *, char *))next("realpath"))(path, into);
}

int access(const char *path, int mode)
{
    return !strcmp(path, CHIP) || !strcmp(path, "/sys/bus/gpio/devices/gpiochip0/dev") ? 0 : ((int (*)(const char *, int))next("access"))(path, mode);
}

static int opened(const char *path, int flags, mode_t mode, const char *name)
{
    if (!strcmp(path, CHIP)) return memfd_create("twin-chip", MFD_CLOEXEC);
    if (!strcmp(path, "/sys/bus/gpio/devices/gpiochip0/dev")) {
        int fd = memfd_create("dev", MFD_CLOEXEC);
        if (write(fd, "254:0\n", 6) != 6) return -1;
        lseek(fd, 0, SEEK_SET);
        return fd;
    }
    return ((int (*)(const char *, int, ...))next(name))(path, flags, mode);
}

int open(const char *path, int flags, ...) { va_list a; va_start(a, flags); mode_t m = va_arg(a, mode_t); va_end(a); return opened(path, flags, m, "open"); }
int open64(const char *path, int flags, ...) { va_list a; va_start(a, flags); mode_t m = va_arg(a, mode_t); va_end(a); return opened(path, flags, m, "open64"); }

static void named(int fd, char *link, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(path, link, size - 1);
    link[n < 0 ? 0 : n] = 0;
}

static int holder(unsigned offset, char *consumer, size_t size)
{
    if (offset == (unsigned)atoi(setting("CCSBOX_TWIN_BUSY", "-1"))) { snprintf(consumer, size, "spi0 CS0"); return 1; }
    char end[64], link[512];
    snprintf(end, sizeof end, CHIP " %u;", offset);
    for (int fd = 0; fd < 256; fd++) {
        named(fd, link, sizeof link);
        if (strstr(link, "gpio-line") && strstr(link, end)) { snprintf(consumer, size, "%s", "this process"); return 1; }
    }
    return 0;
}

static int line(unsigned offset, int v1, int active_low, int output, int value)
{
    char name[200], consumer[32];
    if (offset >= LINES) { errno = EINVAL; return -1; }
    if (holder(offset, consumer, sizeof consumer)) { errno = EBUSY; return -1; }
    snprintf(name, sizeof name, "anon_inode:gpio-line%s of %s " CHIP " %u;", v1 ? "handle" : "", setting("CCSBOX_TWIN", "nobody"), offset);
    unsigned char state[STATE] = { [PIN] = output ? value ^ active_low : 0, [ACTIVE_LOW] = active_low, [OUTPUT] = output };
    int fd = memfd_create(name, MFD_CLOEXEC);
    return write(fd, state, STATE) == STATE ? fd : -1;
}

static int refused(int number) { errno = number; return -1; }

static int on_chip(unsigned request, void *data)
{
    char consumer[32] = "";
    if (request == GPIO_GET_CHIPINFO_IOCTL) {
        struct gpiochip_info *info = data;
        *info = (struct gpiochip_info){ .name = "gpiochip0", .lines = LINES };
        snprintf(info->label, sizeof info->label, "%s", setting("CCSBOX_TWIN_LABEL", "pinctrl-bcm2711"));
    } else if (request == GPIO_V2_GET_LINEINFO_IOCTL) {
        struct gpio_v2_line_info *info = data;
        unsigned offset = info->offset;
        *info = (struct gpio_v2_line_info){ .offset = offset, .flags = GPIO_V2_LINE_FLAG_INPUT };
        snprintf(info->name, sizeof info->name, "GPIO%u", offset);
        if (holder(offset, info->consumer, sizeof info->consumer)) info->flags |= GPIO_V2_LINE_FLAG_USED;
    } else if (request == GPIO_GET_LINEINFO_IOCTL) {
        struct gpioline_info *info = data;
        unsigned offset = info->line_offset;
        *info = (struct gpioline_info){ .line_offset = offset };
        snprintf(info->name, sizeof info->name, "GPIO%u", offset);
        if (holder(offset, info->consumer, sizeof info->consumer)) info->flags |= GPIOLINE_FLAG_KERNEL;
    } else if (request == GPIO_V2_GET_LINE_IOCTL) {
        struct gpio_v2_line_request *ask = data;
        unsigned long long flags = ask->config.flags, values = 0;
        for (unsigned n = 0; n < ask->config.num_attrs; n++) {
            if (ask->config.attrs[n].attr.id == GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES) values = ask->config.attrs[n].attr.values;
            if (ask->config.attrs[n].attr.id == GPIO_V2_LINE_ATTR_ID_FLAGS) flags = ask->config.attrs[n].attr.flags;
        }
        if (ask->num_lines != 1) return refused(EINVAL);
        return (ask->fd = line(ask->offsets[0], 0, !!(flags & GPIO_V2_LINE_FLAG_ACTIVE_LOW), !!(flags & GPIO_V2_LINE_FLAG_OUTPUT), values & 1)) < 0 ? -1 : 0;
    } else if (request == GPIO_GET_LINEHANDLE_IOCTL) {
        struct gpiohandle_request *ask = data;
        if (ask->lines != 1) return refused(EINVAL);
        return (ask->fd = line(ask->lineoffsets[0], 1, !!(ask->flags & GPIOHANDLE_REQUEST_ACTIVE_LOW), !!(ask->flags & GPIOHANDLE_REQUEST_OUTPUT),
                               ask->default_values[0])) < 0 ? -1 : 0;
    } else
        return refused(ENOTTY);
    (void)consumer;
    return 0;
}

static int on_line(int fd, unsigned request, void *data, int v1)
{
    unsigned char state[STATE];
    if (pread(fd, state, STATE, 0) != STATE) return refused(EIO);
    if (state[FAULT]) return refused(state[FAULT]);
    struct gpio_v2_line_values *values = data;
    struct gpiohandle_data *octets = data;
    if (!v1 && request == GPIO_V2_LINE_SET_CONFIG_IOCTL) {
        struct gpio_v2_line_config *config = data;
        state[ACTIVE_LOW] = !!(config->flags & GPIO_V2_LINE_FLAG_ACTIVE_LOW);
        state[OUTPUT] = !!(config->flags & GPIO_V2_LINE_FLAG_OUTPUT);
        for (unsigned n = 0; state[OUTPUT] && n < config->num_attrs; n++)
            if (config->attrs[n].attr.id == GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES) state[PIN] = (config->attrs[n].attr.values & 1) ^ state[ACTIVE_LOW];
    } else if (request == (v1 ? GPIOHANDLE_SET_LINE_VALUES_IOCTL : GPIO_V2_LINE_SET_VALUES_IOCTL)) {
        if (!state[OUTPUT]) return refused(EPERM);
        state[PIN] = (v1 ? octets->values[0] & 1 : values->bits & 1) ^ state[ACTIVE_LOW];
        state[WRITES]++;
    } else if (request == (v1 ? GPIOHANDLE_GET_LINE_VALUES_IOCTL : GPIO_V2_LINE_GET_VALUES_IOCTL)) {
        if (v1) octets->values[0] = state[PIN] ^ state[ACTIVE_LOW];
        else values->bits = state[PIN] ^ state[ACTIVE_LOW];
    } else
        return refused(ENOTTY);
    return pwrite(fd, state, STATE, 0) == STATE ? 0 : refused(EIO);
}

int ioctl(int fd, unsigned long request, ...)
{
    char link[512];
    va_list a;
    va_start(a, request);
    void *data = va_arg(a, void *);
    va_end(a);
    named(fd, link, sizeof link);
    if (strstr(link, "memfd:twin-chip")) return on_chip((unsigned)request, data);
    if (strstr(link, "anon_inode:gpio-line")) return on_line(fd, (unsigned)request, data, !!strstr(link, "gpio-linehandle"));
    return ((int (*)(int, unsigned long, ...))next("ioctl"))(fd, request, data);
}
