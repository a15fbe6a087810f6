/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VFIO's self-sized answers: a struct that begins with its size (argsz) and may be followed by a chain of
 * capabilities (struct vfio_info_cap_header of linux/vfio.h).
 */
#ifndef VFIODMA_KERNEL_INFO_H
#define VFIODMA_KERNEL_INFO_H

#include <stddef.h>
#include <stdint.h>

/**
 * kernel_info() - ask the kernel for such an answer, whole.
 * @fd: of what
 * @request: the ioctl
 * @question: the struct's fixed part, filled as the ioctl wants it, its argsz being its size
 * @info: the answer, the caller's to free(3)
 * @size: its size
 *
 * Return: 0, -ENOMEM, -EBADMSG (the kernel wants ever more room), or what the ioctl says.
 */
int kernel_info(int fd, unsigned long request, const void *question, void **info, size_t *size);

/**
 * kernel_info_cap() - look a capability up.
 * @info: the answer
 * @size: its size; nothing beyond it is read, whatever the chain says
 * @offset: of the first capability; 0: there is none
 * @id: which one
 * @cap: gets the capability's fixed part; capabilities are copied, since they are not always aligned
 * @cap_size: the size of that part
 * @rest: what follows it, up to the end of @info
 * @rest_size: of @rest
 *
 * Return: 0, -ENOENT (it is not there), -EBADMSG (the chain leaves @info, or does not go forward).
 */
int kernel_info_cap(const void *info, size_t size, uint32_t offset, uint16_t id, void *cap, size_t cap_size,
		    const void **rest, size_t *rest_size);

#endif
