/* Buffers that are exactly as long as was asked for: what follows is poisoned, so that one octet too far is noticed. */
#ifndef CCSEXI_FUZZ_ROOMS_H
#define CCSEXI_FUZZ_ROOMS_H

#include <stdio.h>
#include <stdlib.h>

#if !defined(__has_feature)
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define POISON(at, size) ASAN_POISON_MEMORY_REGION(at, size)
#define UNPOISON(at, size) ASAN_UNPOISON_MEMORY_REGION(at, size)
#else
#define POISON(at, size) ((void)(at), (void)(size))
#define UNPOISON(at, size) ((void)(at), (void)(size))
#endif
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define FORGET(at, size) __msan_poison(at, size)
#else
#define FORGET(at, size) ((void)(at), (void)(size))
#endif

/* Allocated once and reused, because malloc under a sanitizer takes longer than the codec. */
typedef struct room {
    uint8_t *memory;
    size_t capacity;
    size_t open; /* octets that may be touched now */
} room;

static inline void room_begin(room *r, size_t capacity)
{
    r->memory = malloc(capacity);
    r->capacity = capacity;
    r->open = capacity;
    if (r->memory == NULL) {
        (void)fprintf(stderr, "no memory for a buffer of %zu octets\n", capacity);
        abort();
    }
}

/* The memory, `size` octets of it open, its content kept. */
static inline void *room_resize(room *r, size_t size)
{
    if (size > r->capacity) {
        (void)fprintf(stderr, "a buffer of %zu octets was asked for, there are %zu\n", size, r->capacity);
        abort();
    }
    if (size < r->open)
        POISON(r->memory + size, r->open - size);
    else if (size > r->open)
        UNPOISON(r->memory + r->open, size - r->open);
    r->open = size;
    return r->memory;
}

/* The same for new content: with a memory sanitizer what is there counts as never written. */
static inline void *room_open(room *r, size_t size)
{
    room_resize(r, size);
    FORGET(r->memory, size);
    return r->memory;
}

#endif
