/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fake/machine.h"

#include "proto/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * What udevd tells who listens by libudev (libsystemd/sd-device/device-monitor.c). It goes by netlink to all of this
 * network namespace, which is the machine's own.
 */

#define UDEV_GROUP 2 /* of netlink: what udevd says; the kernel's own is 1 */
#define UDEV_MAGIC 0xfeedcafe

struct header {
	char prefix[8];
	uint32_t magic; /* big-endian, as are the hashes */
	uint32_t size;
	uint32_t properties_at, properties_length;
	uint32_t subsystem_hash, devtype_hash;
	uint32_t tags_high, tags_low;
};

/* What a busy udevd has not come to yet. */
struct message {
	struct header header;
	char text[1024];
	STAILQ_ENTRY(message) next;
};
static STAILQ_HEAD(, message) held = STAILQ_HEAD_INITIALIZER(held);
static bool busy;

/* By which listeners have the kernel filter: MurmurHash2, which is in the public domain, with seed 0. */
static uint32_t hash(const char *text)
{
	const uint32_t multiplier = 0x5bd1e995;
	size_t left = strlen(text);
	uint32_t value = (uint32_t)left, word;

	for (; left >= 4; text += 4, left -= 4) {
		memcpy(&word, text, sizeof(word));
		word *= multiplier;
		word ^= word >> 24;
		value = value * multiplier ^ word * multiplier;
	}
	for (size_t i = left; i-- > 0;)
		value ^= (uint32_t)(unsigned char)text[i] << (8 * i);
	if (left)
		value *= multiplier;
	value ^= value >> 13;
	value *= multiplier;
	return value ^ value >> 15;
}

/* Over what is there, which has no more digits: who reads it meanwhile finds a number. */
static void show_number(unsigned long long number)
{
	static int fd = -1;
	char text[24];
	int length = snprintf(text, sizeof(text), "%llu\n", number);

	if (fd < 0)
		fd = open("/sys/kernel/uevent_seqnum", O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	if (pwrite(fd, text, (size_t)length, 0) != length)
		perror("fake: uevent_seqnum");
}

static size_t properties(const struct function *function, const char *action, char *text, size_t size)
{
	static unsigned long long number;
	char name[PROTO_ADDRESS_LEN];
	int length = snprintf(text, size,
			      "ACTION=%s\nDEVPATH=%s\nSUBSYSTEM=pci\nPCI_SLOT_NAME=%s\nSEQNUM=%llu\n"
			      "USEC_INITIALIZED=1\nUDEV_DATABASE_VERSION=1\n",
			      action, function->path + strlen("/sys"), proto_address_format(function->address, name),
			      ++number);

	for (int i = 0; i < length; i++)
		if (text[i] == '\n')
			text[i] = '\0';
	show_number(number);
	return (size_t)length;
}

static void tell(const struct message *message)
{
	static int fd = -1;
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = UDEV_GROUP };
	struct iovec parts[] = { { (void *)&message->header, sizeof(message->header) },
				 { (void *)message->text, message->header.properties_length } };
	struct msghdr msg = { .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = parts, .msg_iovlen = 2 };

	if (fd < 0)
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	/* nobody listens: that is no failure */
	if (sendmsg(fd, &msg, 0) < 0 && errno != ECONNREFUSED)
		perror("fake: a uevent");
}

void uevent_send(const struct function *function, const char *action)
{
	struct message *message = calloc(1, sizeof(*message));

	if (!message) {
		perror("fake: a uevent");
		return;
	}
	message->header = (struct header){
		.prefix = "libudev",
		.magic = htonl(UDEV_MAGIC),
		.size = sizeof(message->header),
		.properties_at = sizeof(message->header),
		.properties_length = (uint32_t)properties(function, action, message->text, sizeof(message->text)),
		.subsystem_hash = htonl(hash("pci")),
	};
	STAILQ_INSERT_TAIL(&held, message, next);
	uevent_hold(busy);
}

void uevent_hold(bool hold)
{
	struct message *message;

	busy = hold;
	while (!busy && (message = STAILQ_FIRST(&held))) {
		STAILQ_REMOVE_HEAD(&held, next);
		tell(message);
		free(message);
	}
}
