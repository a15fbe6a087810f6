/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests about functions in every state, through the server's real socket and its real loop, both in this process.
 * The functions are made up: they are at addresses that no machine has, and nothing is asked that would open one.
 */
#include "kmod/uapi/vfiod_pci.h"
#include "proto/address.h"
#include "proto/conn.h"
#include "tests/temporary.h"
#include "vfiod/assign.h"
#include "vfiod/clock.h"
#include "vfiod/config.h"
#include "vfiod/daemon.h"
#include "vfiod/device.h"
#include "vfiod/holder.h"
#include "vfiod/hotplug.h"
#include "vfiod/kept.h"
#include "vfiod/lease.h"
#include "vfiod/log.h"
#include "vfiod/pci_events.h"
#include "vfiod/peer.h"
#include "vfiod/reload.h"
#include "vfiod/request.h"
#include "vfiod/revoke.h"
#include "vfiod/server.h"
#include "vfiod/sriov.h"
#include "vfiod/terms.h"
#include "vfiod/watch.h"
#include "vfiod/worker.h"

#include <check.h>
#include <endian.h>
#include <errno.h>
#include <event2/event.h>
#include <ftw.h>
#include <libudev.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define GROUP  4711
#define FIRST  0xfffffffe0000ull
#define SECOND 0xfffffffe0001ull
#define THIRD  0xfffffffe0002ull
#define COOKIE 0x1122334455667788ull

static char root[TEMPORARY_MAX];
static char pub_path[104], admin_path[104];

static struct daemon vfiod;
static struct config no_rules;
static struct device *first, *second; /* of one IOMMU group, assigned to this user */
static struct proto_conn client, admin;
static struct proto_msg msg; /* the last one received */

/* ---- the server ---- */

static struct device *put(uint64_t address)
{
	const struct facts facts = {
		.address = address,
		.vendor = 0x1b36,
		.device = 0x0010,
		.class_code = 0x010802,
		.group = GROUP,
		.numa_node = VFIOD_NONE,
		.reset = "flr",
	};
	struct device *device;

	ck_assert_int_eq(devices_put(&vfiod.devices, &facts), 0);
	device = devices_find(&vfiod.devices, address);
	device->state = VFIOD_FREE;
	device->owner.uid = getuid();
	return device;
}

static void make_base(void)
{
	struct event_config *wanted = event_config_new();

	ck_assert_int_eq(event_config_require_features(wanted, EV_FEATURE_EARLY_CLOSE), 0);
	vfiod.base = event_base_new_with_config(wanted);
	ck_assert_ptr_nonnull(vfiod.base);
	event_config_free(wanted);
}

static void make_server(void)
{
	char dir[TEMPORARY_MAX + 8];
	struct failure failure;

	snprintf(dir, sizeof(dir), "%s/XXXXXX", root);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(pub_path, sizeof(pub_path), "%s/%s", dir, VFIOD_PUB_SOCKET);
	snprintf(admin_path, sizeof(admin_path), "%s/%s", dir, VFIOD_ADMIN_SOCKET);
	memset(&vfiod, 0, sizeof(vfiod));
	vfiod.devices.daemon = &vfiod;
	vfiod.config = &no_rules;
	make_base();
	vfiod.udev = udev_new();
	ck_assert_ptr_nonnull(vfiod.udev);
	ck_assert_int_eq(workers_new(vfiod.base, &(struct workers_how){ .threads = 8 }, &vfiod.workers), 0);
	ck_assert_int_eq(workers_new(vfiod.base, &(struct workers_how){ .threads = 2 }, &vfiod.closers), 0);
	ck_assert_int_eq(watch_new(vfiod.base, lease_closed, &vfiod, &vfiod.watch), 0);
	ck_assert_msg(!server_new(&vfiod, dir, &vfiod.server, &failure), "%s", failure.text);
	first = put(FIRST);
	second = put(SECOND);
}

/* Lets the server do all that can be done without waiting: what was sent over a local socket is there at once. */
static void let_it_run(void)
{
	for (int i = 0; i < 16; i++)
		event_base_loop(vfiod.base, EVLOOP_NONBLOCK);
}

/* ---- clients ---- */

static struct proto_conn connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return (struct proto_conn){ .fd = fd, .version = VFIOD_VERSION_NONE };
}

static void ask(struct proto_conn *conn, uint16_t opcode, uint64_t cookie, const void *body, size_t length)
{
	ck_assert_int_eq(proto_conn_send(conn, opcode, 0, cookie, body, length, NULL, 0), 0);
	let_it_run();
}

static void receive(struct proto_conn *conn, uint16_t opcode, uint64_t cookie)
{
	const char *why = "";
	int err = proto_conn_recv(conn, &msg, VFIOD_FDS_MAX, &why);

	ck_assert_msg(!err, "no answer: %s %s", strerror(-err), why);
	ck_assert_int_eq(proto_check_reply(&msg, opcode, cookie), 0);
	ck_assert_uint_eq(msg.fd_count, 0);
}

static void expect_nothing(struct proto_conn *conn)
{
	const char *why = "";

	ck_assert_int_eq(proto_conn_recv(conn, &msg, VFIOD_FDS_MAX, &why), -EAGAIN);
}

static void expect_error(struct proto_conn *conn, uint16_t opcode, uint64_t cookie, int code, const char *words)
{
	const struct vfiod_error *error = proto_msg_body(&msg);

	receive(conn, opcode, cookie);
	ck_assert_uint_eq(msg.flags, VFIOD_REPLY | VFIOD_ERROR);
	ck_assert_msg(le32toh(error->code) == (uint32_t)code, "%u: %s", le32toh(error->code), error->text);
	ck_assert_msg(strstr(error->text, words), "'%s' is not in: %s", words, error->text);
}

static struct proto_conn greet_in(const char *path, uint16_t version)
{
	const struct vfiod_hello_req body = { .version_min = htole16(version), .version_max = htole16(version) };
	struct proto_conn conn = connect_to(path);

	ask(&conn, VFIOD_HELLO, COOKIE, &body, sizeof(body));
	receive(&conn, VFIOD_HELLO, COOKIE);
	conn.version = version;
	return conn;
}

static struct proto_conn greet(const char *path)
{
	return greet_in(path, VFIOD_VERSION_MAX);
}

static void ask_acquire(struct proto_conn *conn, uint64_t address, uint64_t cookie)
{
	const struct vfiod_acquire_req body = { .address = htole64(address), .mode = htole32(VFIOD_MODE_CONTAINER) };

	ask(conn, VFIOD_ACQUIRE, cookie, &body, sizeof(body));
}

static void ask_release(struct proto_conn *conn, uint64_t lease, uint64_t cookie)
{
	const struct vfiod_release_req body = { .lease = htole64(lease) };

	ask(conn, VFIOD_RELEASE, cookie, &body, sizeof(body));
}

static void ask_assign(struct proto_conn *conn, uint64_t address, uint64_t cookie)
{
	const struct vfiod_assign_req body = { .address = htole64(address), .gid = htole32(VFIOD_NONE) };

	ask(conn, VFIOD_ASSIGN, cookie, &body, sizeof(body));
}

static void ask_unassign(struct proto_conn *conn, uint64_t address, uint64_t cookie)
{
	const struct vfiod_unassign_req body = { .address = htole64(address) };

	ask(conn, VFIOD_UNASSIGN, cookie, &body, sizeof(body));
}

static void ask_list(struct proto_conn *conn, uint64_t cookie)
{
	const struct vfiod_list_req body = { .max = htole32(VFIOD_LIST_MAX) };

	ask(conn, VFIOD_LIST, cookie, &body, sizeof(body));
}

static void set_group(struct device *device, uint32_t group)
{
	struct facts facts = device->facts;

	facts.group = group;
	ck_assert_int_eq(devices_put(&vfiod.devices, &facts), 0);
}

/* As a worker that has ended its work on the function. */
static void settle(struct device *device, enum vfiod_state state)
{
	device->state = state;
	daemon_settled(&vfiod, device);
	let_it_run();
}

static void lease_to(struct device *device, uint32_t uid, uint64_t lease)
{
	device->state = VFIOD_LEASED;
	device_lease(device, lease, uid);
	device->lease.pid = 12345;
	if (vfiod.last_lease < lease)
		vfiod.last_lease = lease;
}

static void set_up(void)
{
	make_server();
	client = greet(pub_path);
	admin = greet(admin_path);
}

static void tear_down(void)
{
	close(client.fd);
	close(admin.fd);
	let_it_run();
	server_free(vfiod.server);
	while (workers_busy(vfiod.workers) || workers_busy(vfiod.closers)) /* closing the connections */
		event_base_loop(vfiod.base, EVLOOP_ONCE);
	workers_free(vfiod.workers);
	workers_free(vfiod.closers);
	watch_free(vfiod.watch);
	devices_free(&vfiod.devices);
	udev_unref(vfiod.udev);
	event_base_free(vfiod.base);
}

/* ---- what is told at once ---- */

static const char *text_of(uint64_t address)
{
	static char text[PROTO_ADDRESS_LEN];

	return proto_address_format(address, text);
}

START_TEST(a_leased_function_is_refused_with_its_holder)
{
	lease_to(first, 4000, 5);
	ask_acquire(&client, FIRST, COOKIE);
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, EBUSY, "leased to user 4000 (asked for by process 12345)");
}
END_TEST

START_TEST(a_leased_function_is_neither_assigned_nor_given_back)
{
	lease_to(first, 4000, 5);
	ask_assign(&admin, FIRST, 1);
	expect_error(&admin, VFIOD_ASSIGN, 1, EBUSY, "leased to user 4000");
	ask_unassign(&admin, FIRST, 2);
	expect_error(&admin, VFIOD_UNASSIGN, 2, EBUSY, "leased to user 4000");
}
END_TEST

START_TEST(a_quarantined_function_is_refused_with_the_reason_and_what_to_do)
{
	first->state = VFIOD_QUARANTINED;
	strcpy(first->reason, "it does not answer");
	ask_acquire(&client, FIRST, 1);
	expect_error(&client, VFIOD_ACQUIRE, 1, EIO, "it does not answer");
	ask_acquire(&client, FIRST, 2);
	expect_error(&client, VFIOD_ACQUIRE, 2, EIO, "vfioctl release fffffffe:00:00.0");
	ask_assign(&admin, FIRST, 3);
	expect_error(&admin, VFIOD_ASSIGN, 3, EBUSY, "it does not answer");
	ask_acquire(&client, FIRST, 4);
	expect_error(&client, VFIOD_ACQUIRE, 4, EIO, "vfioctl quarantine clear fffffffe:00:00.0");
}
END_TEST

static void ask_clear(uint64_t cookie)
{
	const struct vfiod_clear_req body = { .address = htole64(FIRST) };

	ask(&admin, VFIOD_CLEAR, cookie, &body, sizeof(body));
}

START_TEST(only_what_is_quarantined_is_cleared)
{
	static const enum vfiod_state others[] = { VFIOD_UNMANAGED, VFIOD_FREE, VFIOD_LEASED };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		first->state = others[i];
		ask_clear(COOKIE);
		expect_error(&admin, VFIOD_CLEAR, COOKIE, EINVAL, "is not quarantined");
	}
}
END_TEST

/* It has no driver at all here: only a VFIO driver's can be reset without harm. */
START_TEST(what_has_left_its_vfio_driver_is_not_cleared)
{
	first->state = VFIOD_QUARANTINED;
	strcpy(first->reason, "it does not answer");
	ask_clear(COOKIE);
	expect_error(&admin, VFIOD_CLEAR, COOKIE, EBUSY, "with driver none now");
	ck_assert_int_eq(first->state, VFIOD_QUARANTINED);
	ck_assert_str_eq(first->reason, "it does not answer");
}
END_TEST

START_TEST(a_function_whose_group_is_leased_is_refused_with_the_sibling_and_its_holder)
{
	lease_to(second, 4000, 5);
	ask_acquire(&client, FIRST, COOKIE);
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, EBUSY, "IOMMU group 4711");
	ask_acquire(&client, FIRST, COOKIE);
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, EBUSY, text_of(SECOND));
	ask_acquire(&client, FIRST, COOKIE);
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, EBUSY, "ends with the last program");
	second->lease.by_handles = true;
	ask_acquire(&client, FIRST, COOKIE);
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, EBUSY, "vfioctl revoke fffffffe:00:00.1");
	ask_unassign(&admin, FIRST, COOKIE);
	expect_error(&admin, VFIOD_UNASSIGN, COOKIE, EBUSY, "leased to user 4000");
}
END_TEST

START_TEST(a_function_is_not_leased_beside_one_of_its_group_in_quarantine)
{
	second->state = VFIOD_QUARANTINED;
	ask_acquire(&client, FIRST, COOKIE);
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, EIO, "quarantine clear");
	ck_assert_int_eq(first->state, VFIOD_FREE);
}
END_TEST

static const enum vfiod_state assigned[] = { VFIOD_ASSIGNING, VFIOD_FREE,	 VFIOD_GRANTING,   VFIOD_LEASED,
					     VFIOD_REVOKING,  VFIOD_UNASSIGNING, VFIOD_QUARANTINED };

START_TEST(a_stranger_is_refused_at_once_in_every_state)
{
	first->owner.uid = getuid() + 1;
	first->state = assigned[_i];
	ask_acquire(&client, FIRST, COOKIE);
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, EACCES, "assigned to user");
	ck_assert(TAILQ_EMPTY(&first->waiting));
}
END_TEST

/* A rule about all of them. */
static void limit(struct rule *rule, struct config *config)
{
	static char name[] = "the rule";

	*rule = (struct rule){
		.name = name,
		.vendor = CONFIG_ANY,
		.device = CONFIG_ANY,
		.subsystem_vendor = CONFIG_ANY,
		.subsystem_device = CONFIG_ANY,
		.class_code = CONFIG_ANY,
	};
	*config = (struct config){ .rules = rule, .rule_count = 1 };
	vfiod.config = config;
}

START_TEST(the_mode_that_is_asked_for_has_to_be_one_of_the_rule)
{
	struct config config;
	struct rule rule;

	limit(&rule, &config);
	rule.modes = CONFIG_MODE(VFIOD_MODE_GROUP);
	ask_acquire(&client, FIRST, COOKIE);
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, EACCES, "ask for it in mode \"group\"");
}
END_TEST

START_TEST(leases_that_a_user_has_under_the_rule_count_against_its_next_one_in_every_state)
{
	static const enum vfiod_state states[] = { VFIOD_GRANTING, VFIOD_LEASED, VFIOD_REVOKING };
	struct config config;
	struct rule rule;

	limit(&rule, &config);
	rule.leases_per_user = 1;
	lease_to(second, getuid(), 5);
	second->state = states[_i];
	ask_acquire(&client, FIRST, COOKIE);
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, EDQUOT, "1 of the 1 leases that rule \"the rule\" allows");
}
END_TEST

/* What is refused then is the sibling's lease, after policy has had nothing against it. */
START_TEST(leases_of_other_users_and_of_other_rules_and_of_fewer_than_allowed_do_not_count)
{
	struct config config;
	struct rule rule;

	limit(&rule, &config);
	rule.leases_per_user = _i == 2 ? 2 : 1;
	lease_to(second, getuid() + (_i == 0), 5);
	rule.has_address = _i == 1;
	rule.address = FIRST;
	ask_acquire(&client, FIRST, COOKIE);
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, EBUSY, "IOMMU group 4711");
}
END_TEST

START_TEST(the_lease_of_a_function_that_is_being_cleaned_does_not_count_against_its_own_next_one)
{
	struct config config;
	struct rule rule;

	limit(&rule, &config);
	rule.leases_per_user = 1;
	lease_to(first, getuid(), 5);
	first->state = VFIOD_REVOKING;
	ask_acquire(&client, FIRST, COOKIE);
	expect_nothing(&client);
	ck_assert(!TAILQ_EMPTY(&first->waiting));
}
END_TEST

START_TEST(a_function_that_went_between_request_and_look_is_refused)
{
	first->state = VFIOD_UNMANAGED;
	ask_assign(&admin, FIRST, COOKIE);
	expect_error(&admin, VFIOD_ASSIGN, COOKIE, ENODEV, "unplugged");
	ck_assert_int_eq(first->state, VFIOD_UNMANAGED);
}
END_TEST

static void have_companion(void)
{
	second->state = VFIOD_COMPANION;
	second->companion = second->has_origin = true;
	strcpy(second->origin.driver, "e1000");
}

START_TEST(a_companion_is_had_by_nobody_and_says_what_it_goes_along_with)
{
	const struct vfiod_revoke_req revoke = { .address = htole64(SECOND) };

	have_companion();
	ask_acquire(&client, SECOND, 1);
	expect_error(&client, VFIOD_ACQUIRE, 1, EACCES, "taken along with fffffffe:00:00.0");
	ask_unassign(&admin, SECOND, 2);
	expect_error(&admin, VFIOD_UNASSIGN, 2, EINVAL, "vfioctl release fffffffe:00:00.0");
	ask(&admin, VFIOD_REVOKE, 3, &revoke, sizeof(revoke));
	expect_error(&admin, VFIOD_REVOKE, 3, EINVAL, "not leased");
	ck_assert_int_eq(second->state, VFIOD_COMPANION);
}
END_TEST

START_TEST(the_list_tells_whose_a_companion_is)
{
	const struct vfiod_list_rep *rep = proto_msg_body(&msg);

	have_companion();
	ask_list(&client, COOKIE);
	receive(&client, VFIOD_LIST, COOKIE);
	ck_assert_uint_eq(le32toh(rep->devices[1].state), VFIOD_COMPANION);
	ck_assert_uint_eq(le32toh(rep->devices[1].owner_uid), getuid());
	ck_assert_str_eq(rep->devices[1].original_driver, "e1000");
}
END_TEST

/* It is at an address that no machine has, so it cannot get its driver back, which is said. */
START_TEST(a_companion_is_the_hosts_again_when_what_it_went_along_with_is_unplugged)
{
	have_companion();
	daemon_device_gone(&vfiod, first);
	ck_assert_int_eq(second->state, VFIOD_UNASSIGNING);
	while (workers_busy(vfiod.workers))
		event_base_loop(vfiod.base, EVLOOP_ONCE);
	ck_assert_int_eq(second->state, VFIOD_UNMANAGED);
	ck_assert(!second->companion && !second->has_origin);
	ck_assert_uint_eq(second->owner.uid, VFIOD_NONE);
	ck_assert_ptr_nonnull(strstr(second->reason, text_of(SECOND)));
}
END_TEST

START_TEST(why_two_functions_share_a_group_is_told)
{
	struct vfiod_isolation_req body = { .address = htole64(FIRST), .other = htole64(SECOND) };
	const struct vfiod_isolation_rep *rep = proto_msg_body(&msg);

	first->facts.isolation = second->facts.isolation =
		(struct isolation){ .is_known = true, .is_express = true, .multifunction = true };
	ask(&client, VFIOD_ISOLATION, COOKIE, &body, sizeof(body));
	receive(&client, VFIOD_ISOLATION, COOKIE);
	ck_assert_uint_eq(le32toh(rep->cause), VFIOD_ISOLATION_DEVICE);
	ck_assert_uint_eq(le64toh(rep->at), FIRST);
	ck_assert_uint_eq(le32toh(rep->acs), VFIOD_ACS_NONE);
	body.other = body.address;
	ask(&client, VFIOD_ISOLATION, COOKIE, &body, sizeof(body));
	expect_error(&client, VFIOD_ISOLATION, COOKIE, EINVAL, "not two functions of one IOMMU group");
	second->facts.group = GROUP + 1;
	body.other = htole64(SECOND);
	ask(&admin, VFIOD_ISOLATION, COOKIE, &body, sizeof(body));
	expect_error(&admin, VFIOD_ISOLATION, COOKIE, EINVAL, "not two functions of one IOMMU group");
}
END_TEST

START_TEST(the_list_tells_state_and_owner_and_holder)
{
	const struct vfiod_list_rep *rep = proto_msg_body(&msg);

	lease_to(first, 4000, 5);
	strcpy(first->origin.driver, "nvme");
	second->state = VFIOD_QUARANTINED;
	second->owner = (struct owner){ VFIOD_NONE, 77 };
	memset(second->reason, 'r', sizeof(second->reason) - 1);
	ask_list(&client, COOKIE);
	receive(&client, VFIOD_LIST, COOKIE);
	ck_assert_uint_eq(le32toh(rep->count), 2);
	ck_assert_uint_eq(le64toh(rep->devices[0].address), FIRST);
	ck_assert_uint_eq(le32toh(rep->devices[0].state), VFIOD_LEASED);
	ck_assert_uint_eq(le32toh(rep->devices[0].group), GROUP);
	ck_assert_uint_eq(le32toh(rep->devices[0].owner_uid), getuid());
	ck_assert_uint_eq(le32toh(rep->devices[0].owner_gid), VFIOD_NONE);
	ck_assert_uint_eq(le32toh(rep->devices[0].holder_uid), 4000);
	ck_assert_uint_eq(le32toh(rep->devices[0].holder_pid), 12345);
	ck_assert_str_eq(rep->devices[0].original_driver, "nvme");
	ck_assert_str_eq(rep->devices[0].reset, "flr");
	ck_assert_uint_eq(le32toh(rep->devices[1].state), VFIOD_QUARANTINED);
	ck_assert_uint_eq(le32toh(rep->devices[1].owner_uid), VFIOD_NONE);
	ck_assert_uint_eq(le32toh(rep->devices[1].owner_gid), 77);
	ck_assert_uint_eq(le32toh(rep->devices[1].holder_uid), VFIOD_NONE);
	ck_assert_uint_eq(strlen(rep->devices[1].reason), sizeof(second->reason) - 1);
}
END_TEST

START_TEST(the_list_tells_the_driver_of_now_and_not_of_then)
{
	const struct vfiod_list_rep *rep = proto_msg_body(&msg);

	strcpy(first->facts.driver, "nvme"); /* has let go of it since, as sysfs says */
	ask_list(&client, COOKIE);
	receive(&client, VFIOD_LIST, COOKIE);
	ck_assert_str_eq(rep->devices[0].driver, "");
}
END_TEST

START_TEST(a_list_of_more_than_a_message_holds_is_cut_at_a_record)
{
	const struct vfiod_list_rep *rep = proto_msg_body(&msg);

	for (uint64_t i = 2; i < 40; i++)
		put(FIRST + i);
	ask_list(&client, COOKIE);
	receive(&client, VFIOD_LIST, COOKIE);
	ck_assert_uint_eq(le32toh(rep->count), VFIOD_LIST_MAX);
	ck_assert_uint_eq(le64toh(rep->devices[VFIOD_LIST_MAX - 1].address), FIRST + VFIOD_LIST_MAX - 1);
}
END_TEST

/* ---- what waits ---- */

static const enum vfiod_state busy[] = { VFIOD_ASSIGNING, VFIOD_GRANTING, VFIOD_REVOKING, VFIOD_UNASSIGNING };

START_TEST(a_request_waits_for_the_worker_and_is_answered_once)
{
	first->state = busy[_i];
	ask_acquire(&client, FIRST, COOKIE);
	expect_nothing(&client);
	settle(first, VFIOD_UNMANAGED);
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, EACCES, "not assigned");
	settle(first, VFIOD_UNMANAGED);
	expect_nothing(&client);
}
END_TEST

START_TEST(a_request_waits_for_the_worker_of_a_sibling)
{
	second->state = busy[_i];
	ask_acquire(&client, FIRST, COOKIE);
	expect_nothing(&client);
	ck_assert(!TAILQ_EMPTY(&second->waiting));
	lease_to(second, 4000, 5);
	settle(second, VFIOD_LEASED);
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, EBUSY, text_of(SECOND));
}
END_TEST

START_TEST(a_request_that_waited_waits_again_where_another_worker_has_begun)
{
	first->state = VFIOD_ASSIGNING;
	second->state = VFIOD_REVOKING;
	ask_acquire(&client, FIRST, COOKIE);
	settle(first, VFIOD_FREE);
	expect_nothing(&client);
	settle(second, VFIOD_FREE);
	/* both are free now, and there is no such group to open: it has got as far as that */
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, ENOENT, "/dev/vfio/4711");
}
END_TEST

START_TEST(requests_that_wait_are_answered_in_their_order)
{
	struct proto_conn other = greet(pub_path);
	struct request *at_first;

	first->state = VFIOD_ASSIGNING;
	ask_acquire(&client, FIRST, 1);
	at_first = TAILQ_FIRST(&first->waiting);
	ask_acquire(&other, FIRST, 2);
	ask_unassign(&admin, FIRST, 3);
	ck_assert_ptr_eq(TAILQ_FIRST(&first->waiting), at_first);
	settle(first, VFIOD_UNMANAGED);
	expect_error(&client, VFIOD_ACQUIRE, 1, EACCES, "");
	expect_error(&other, VFIOD_ACQUIRE, 2, EACCES, "");
	expect_error(&admin, VFIOD_UNASSIGN, 3, EINVAL, "");
	close(other.fd);
}
END_TEST

START_TEST(the_next_request_of_a_client_is_read_when_the_one_before_is_answered)
{
	first->state = VFIOD_ASSIGNING;
	ask_acquire(&client, FIRST, 1);
	ask_list(&client, 2);
	expect_nothing(&client);
	settle(first, VFIOD_UNMANAGED);
	expect_error(&client, VFIOD_ACQUIRE, 1, EACCES, "");
	receive(&client, VFIOD_LIST, 2);
}
END_TEST

START_TEST(others_are_served_while_a_request_waits)
{
	first->state = VFIOD_ASSIGNING;
	ask_acquire(&client, FIRST, 1);
	ask_list(&admin, 2);
	receive(&admin, VFIOD_LIST, 2);
	ck_assert(!TAILQ_EMPTY(&first->waiting));
}
END_TEST

START_TEST(a_request_that_waits_goes_with_its_client)
{
	struct proto_conn other = greet(pub_path);

	first->state = VFIOD_ASSIGNING;
	ask_acquire(&other, FIRST, COOKIE);
	close(other.fd);
	let_it_run();
	ck_assert(TAILQ_EMPTY(&first->waiting));
	settle(first, VFIOD_FREE);
	ck_assert_int_eq(first->state, VFIOD_FREE);
}
END_TEST

START_TEST(a_request_that_waits_goes_with_a_client_that_has_only_stopped_to_send)
{
	first->state = VFIOD_ASSIGNING;
	ask_acquire(&client, FIRST, COOKIE);
	ck_assert_int_eq(shutdown(client.fd, SHUT_WR), 0);
	let_it_run();
	ck_assert(TAILQ_EMPTY(&first->waiting));
}
END_TEST

/* The kernel tells of such an end by EPOLLERR, which libevent takes for readable, not for closed. */
START_TEST(a_request_that_waits_goes_with_a_client_that_leaves_an_answer_unread)
{
	struct proto_conn other = greet(pub_path);

	first->state = VFIOD_ASSIGNING;
	ask_list(&other, 1);
	ask_acquire(&other, FIRST, 2);
	close(other.fd);
	let_it_run();
	ck_assert(TAILQ_EMPTY(&first->waiting));
}
END_TEST

START_TEST(a_request_that_waits_goes_with_a_client_that_has_sent_another_one)
{
	struct proto_conn other = greet(pub_path);

	first->state = VFIOD_ASSIGNING;
	ask_acquire(&other, FIRST, 1);
	ask_list(&other, 2);
	close(other.fd);
	let_it_run();
	ck_assert(TAILQ_EMPTY(&first->waiting));
}
END_TEST

/* Whether the loop, which has done all that it can, would be woken again at once. */
static bool loop_spins(void)
{
	char path[32], target[64];

	for (int fd = 3; fd < 1024; fd++) {
		struct pollfd epoll = { .fd = fd, .events = POLLIN };
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		length = readlink(path, target, sizeof(target) - 1);
		if (length < 0)
			continue;
		target[length] = '\0';
		if (!strcmp(target, "anon_inode:[eventpoll]"))
			return poll(&epoll, 1, 0) == 1;
	}
	ck_abort_msg("the loop has no epoll descriptor");
}

START_TEST(a_client_that_sends_while_its_request_waits_keeps_nobody_busy)
{
	first->state = VFIOD_ASSIGNING;
	ask_acquire(&client, FIRST, 1);
	ask_list(&client, 2);
	ck_assert(!loop_spins());
	ck_assert(!TAILQ_EMPTY(&first->waiting));
}
END_TEST

START_TEST(a_request_that_waits_is_refused_when_its_function_is_unplugged)
{
	first->state = VFIOD_ASSIGNING;
	ask_acquire(&client, FIRST, COOKIE);
	daemon_device_gone(&vfiod, first);
	expect_nothing(&client);
	settle(first, VFIOD_FREE);
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, ENODEV, text_of(FIRST));
	ck_assert_ptr_null(devices_find(&vfiod.devices, FIRST));
}
END_TEST

START_TEST(a_request_that_waits_for_a_sibling_goes_on_when_that_is_unplugged)
{
	second->state = VFIOD_ASSIGNING;
	ask_unassign(&admin, FIRST, COOKIE);
	expect_nothing(&admin);
	daemon_device_gone(&vfiod, second);
	first->state = VFIOD_UNMANAGED;
	settle(second, VFIOD_UNMANAGED);
	expect_error(&admin, VFIOD_UNASSIGN, COOKIE, EINVAL, "not assigned");
}
END_TEST

START_TEST(the_end_of_the_server_takes_the_requests_that_wait_along)
{
	first->state = VFIOD_ASSIGNING;
	ask_acquire(&client, FIRST, 1);
	ask_unassign(&admin, FIRST, 2);
	server_free(vfiod.server);
	vfiod.server = NULL;
	ck_assert(TAILQ_EMPTY(&first->waiting));
}
END_TEST

/* ---- RELEASE ---- */

START_TEST(the_lease_of_another_user_cannot_be_released)
{
	lease_to(first, getuid() + 1, 5);
	ask_release(&client, 5, COOKIE);
	expect_error(&client, VFIOD_RELEASE, COOKIE, ENOENT, "no lease 5");
	ck_assert_ptr_null(first->lease.release);
}
END_TEST

START_TEST(a_lease_that_was_never_given_cannot_be_released)
{
	lease_to(first, getuid(), 5);
	ask_release(&client, 6, COOKIE);
	expect_error(&client, VFIOD_RELEASE, COOKIE, ENOENT, "no lease 6");
}
END_TEST

START_TEST(a_release_is_answered_when_the_lease_ends)
{
	const struct vfiod_release_rep *rep = proto_msg_body(&msg);

	lease_to(first, getuid(), 5);
	ask_release(&client, 5, COOKIE);
	expect_nothing(&client);
	lease_end(&vfiod, first, 0, NULL);
	receive(&client, VFIOD_RELEASE, COOKIE);
	ck_assert_uint_eq(msg.flags, VFIOD_REPLY);
	ck_assert_uint_eq(le64toh(rep->lease), 5);
	ck_assert_uint_eq(first->lease.id, 0);
}
END_TEST

START_TEST(a_release_is_answered_when_the_function_is_unplugged)
{
	lease_to(first, getuid(), 5);
	ask_release(&client, 5, COOKIE);
	daemon_device_gone(&vfiod, first);
	receive(&client, VFIOD_RELEASE, COOKIE);
	ck_assert_uint_eq(msg.flags, VFIOD_REPLY);
}
END_TEST

START_TEST(a_second_release_of_the_same_lease_is_refused)
{
	struct proto_conn other = greet(pub_path);

	lease_to(first, getuid(), 5);
	ask_release(&client, 5, 1);
	ask_release(&other, 5, 2);
	expect_error(&other, VFIOD_RELEASE, 2, EBUSY, "already");
	lease_end(&vfiod, first, 0, NULL);
	receive(&client, VFIOD_RELEASE, 1);
	close(other.fd);
}
END_TEST

START_TEST(a_release_goes_with_its_client_and_the_lease_stays)
{
	struct proto_conn other = greet(pub_path);

	lease_to(first, getuid(), 5);
	ask_release(&other, 5, 1);
	ck_assert_ptr_nonnull(first->lease.release);
	close(other.fd);
	let_it_run();
	ck_assert_ptr_null(first->lease.release);
	ck_assert_uint_eq(first->lease.id, 5);
	ask_release(&client, 5, 2);
	ck_assert_ptr_nonnull(first->lease.release);
}
END_TEST

START_TEST(a_release_with_files_that_stay_open_is_refused_after_a_while)
{
	lease_to(first, getuid(), 5);
	ask_release(&client, 5, COOKIE);
	while (first->lease.release)
		ck_assert_int_eq(event_base_loop(vfiod.base, EVLOOP_ONCE), 0);
	let_it_run();
	expect_error(&client, VFIOD_RELEASE, COOKIE, EBUSY, "still open");
	ck_assert_int_eq(first->state, VFIOD_LEASED);
	ck_assert_uint_eq(first->lease.id, 5);
}
END_TEST

START_TEST(the_end_of_the_server_takes_a_release_along)
{
	lease_to(first, getuid(), 5);
	ask_release(&client, 5, COOKIE);
	server_free(vfiod.server);
	vfiod.server = NULL;
	ck_assert_ptr_null(first->lease.release);
	ck_assert_uint_eq(first->lease.id, 5);
}
END_TEST

/* ---- events ---- */

static struct vfiod_lease_event announced(void)
{
	return (struct vfiod_lease_event){
		.lease = htole64(5),
		.address = htole64(FIRST),
		.kind = htole32(VFIOD_LEASE_REVOKE_ANNOUNCED),
		.grace_ms = htole32(5000),
	};
}

static void tell(uint64_t serial)
{
	const struct vfiod_lease_event event = announced();

	client_event(server_client(vfiod.server, serial), VFIOD_LEASE_EVENT, &event, sizeof(event));
}

/* The connection that the server took last, where none has gone yet. */
static uint64_t newest_serial(void)
{
	uint64_t serial = 0;

	while (server_client(vfiod.server, serial + 1))
		serial++;
	return serial;
}

static void expect_event(struct proto_conn *conn)
{
	const struct vfiod_lease_event event = announced();
	const char *why = "";

	ck_assert_int_eq(proto_conn_recv(conn, &msg, VFIOD_FDS_MAX, &why), 0);
	ck_assert_int_eq(proto_check_event(&msg), 0);
	ck_assert_mem_eq(proto_msg_body(&msg), &event, sizeof(event));
}

START_TEST(a_connection_is_found_by_its_number_until_it_is_gone_and_no_other_has_it_after)
{
	struct proto_conn other = greet(pub_path);
	uint64_t serial = newest_serial();
	struct client *found = server_client(vfiod.server, serial);

	ck_assert_ptr_nonnull(found);
	ck_assert_uint_eq(client_serial(found), serial);
	ck_assert_ptr_null(server_client(vfiod.server, 0));
	close(other.fd);
	let_it_run();
	ck_assert_ptr_null(server_client(vfiod.server, serial));
	other = greet(pub_path);
	ck_assert_ptr_null(server_client(vfiod.server, serial));
	close(other.fd);
}
END_TEST

START_TEST(an_event_comes_unasked_and_in_front_of_the_answer_that_is_due)
{
	struct proto_conn other = greet(pub_path);
	uint64_t serial = newest_serial();

	tell(serial);
	expect_event(&other);
	lease_to(first, getuid(), 5);
	ask_release(&other, 5, COOKIE);
	tell(serial);
	lease_end(&vfiod, first, 0, NULL);
	expect_event(&other);
	receive(&other, VFIOD_RELEASE, COOKIE);
	expect_nothing(&client);
	close(other.fd);
}
END_TEST

START_TEST(a_client_that_does_not_take_its_events_is_let_go_with_the_request_that_waits)
{
	struct proto_conn other = greet(pub_path);
	uint64_t serial = newest_serial();

	if (_i) {
		lease_to(first, getuid(), 5);
		ask_release(&other, 5, COOKIE);
	}
	for (int i = 0; i < 100000; i++)
		tell(serial);
	let_it_run();
	ck_assert_ptr_null(server_client(vfiod.server, serial));
	ck_assert_ptr_null(first->lease.release);
	ask_list(&client, COOKIE);
	receive(&client, VFIOD_LIST, COOKIE);
	close(other.fd);
}
END_TEST

START_TEST(an_event_to_a_client_that_has_just_gone_is_lost_and_no_harm)
{
	struct proto_conn other = greet(pub_path);
	uint64_t serial = newest_serial();

	close(other.fd);
	tell(serial);
	let_it_run();
	ck_assert_ptr_null(server_client(vfiod.server, serial));
}
END_TEST

/* ---- revoke ---- */

static void ask_revoke(struct proto_conn *conn, uint64_t address, uint32_t grace_ms, uint64_t cookie)
{
	const struct vfiod_revoke_req body = { .address = htole64(address), .grace_ms = htole32(grace_ms) };

	ask(conn, VFIOD_REVOKE, cookie, &body, sizeof(body));
}

static void lease_by_handles(struct device *device)
{
	lease_to(device, getuid(), 5);
	device->lease.by_handles = true;
	device->lease.client = 1; /* that of set_up(), who comes first */
}

static void expect_told(uint32_t kind, uint32_t grace_ms)
{
	const struct vfiod_lease_event *event = proto_msg_body(&msg);
	const char *why = "";

	ck_assert_int_eq(proto_conn_recv(&client, &msg, VFIOD_FDS_MAX, &why), 0);
	ck_assert_int_eq(proto_check_event(&msg), 0);
	ck_assert_uint_eq(le32toh(event->kind), kind);
	ck_assert_uint_eq(le32toh(event->grace_ms), grace_ms);
	ck_assert_uint_eq(le64toh(event->lease), 5);
	ck_assert_uint_eq(le64toh(event->address), FIRST);
}

START_TEST(what_is_not_leased_by_handles_is_not_revoked)
{
	static const enum vfiod_state others[] = { VFIOD_UNMANAGED, VFIOD_FREE, VFIOD_QUARANTINED };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		first->state = others[i];
		ask_revoke(&admin, FIRST, 0, COOKIE);
		expect_error(&admin, VFIOD_REVOKE, COOKIE, EINVAL, "not leased");
	}
	lease_to(first, getuid(), 5);
	ask_revoke(&admin, FIRST, 0, COOKIE);
	expect_error(&admin, VFIOD_REVOKE, COOKIE, EOPNOTSUPP, "vfiod_handle");
	ck_assert_int_eq(first->state, VFIOD_LEASED);
	expect_nothing(&client);
}
END_TEST

/* as many as the administrator says, or, where nothing is said, vfiod.conf */
START_TEST(a_revocation_is_announced_to_the_client_and_answered_when_the_lease_has_ended)
{
	const struct vfiod_revoke_rep *rep = proto_msg_body(&msg);
	static struct config seven_seconds = { .revoke_grace = 7 };

	vfiod.config = &seven_seconds;
	lease_by_handles(first);
	ask_revoke(&admin, FIRST, _i ? VFIOD_NONE : 30000, COOKIE);
	expect_told(VFIOD_LEASE_REVOKE_ANNOUNCED, _i ? 7000 : 30000);
	expect_nothing(&admin);
	lease_end(&vfiod, first, 2, NULL);
	expect_told(VFIOD_LEASE_REVOKED, 0);
	receive(&admin, VFIOD_REVOKE, COOKIE);
	ck_assert_uint_eq(msg.flags, VFIOD_REPLY);
	ck_assert_uint_eq(le64toh(rep->lease), 5);
	ck_assert_uint_eq(le32toh(rep->killed), 2);
}
END_TEST

START_TEST(a_second_revocation_of_the_same_lease_is_refused)
{
	struct proto_conn other = greet(admin_path);

	lease_by_handles(first);
	ask_revoke(&admin, FIRST, 30000, 1);
	ask_revoke(&other, FIRST, 30000, 2);
	expect_error(&other, VFIOD_REVOKE, 2, EBUSY, "already");
	lease_end(&vfiod, first, 2, NULL);
	receive(&admin, VFIOD_REVOKE, 1);
	close(other.fd);
}
END_TEST

/* Who asked for the function before has it by then. */
START_TEST(a_revocation_that_waited_is_not_one_of_the_next_lease)
{
	lease_by_handles(first);
	first->state = VFIOD_REVOKING;
	ask_revoke(&admin, FIRST, 0, COOKIE);
	expect_nothing(&admin);
	device_unlease(first);
	lease_to(first, getuid(), 6);
	first->lease.by_handles = true;
	settle(first, VFIOD_LEASED);
	expect_error(&admin, VFIOD_REVOKE, COOKIE, EINVAL, "has ended by itself");
	ck_assert_int_eq(first->state, VFIOD_LEASED);
	ck_assert_ptr_null(first->lease.deadline);
}
END_TEST

START_TEST(a_revocation_goes_on_when_the_administrator_has_gone)
{
	struct proto_conn other = greet(admin_path);

	lease_by_handles(first);
	ask_revoke(&other, FIRST, 30000, COOKIE);
	expect_told(VFIOD_LEASE_REVOKE_ANNOUNCED, 30000);
	close(other.fd);
	let_it_run();
	ck_assert_ptr_null(first->lease.revoke);
	ck_assert_ptr_nonnull(first->lease.deadline);
	lease_end(&vfiod, first, 2, NULL);
}
END_TEST

/* ---- what happens to functions ---- */

static int kernel; /* the other end of what the daemon takes for the module's node */

static void set_up_node(void)
{
	int ends[2];

	set_up();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	ck_assert_int_eq(pci_events_new(&vfiod, ends[0], &vfiod.pci_events), 0);
	kernel = ends[1];
	lease_to(first, getuid(), 5);
	first->facts.strict = true;
	first->lease.client = 1; /* that of set_up(), who comes first */
}

static void tear_down_node(void)
{
	tear_down();
	pci_events_free(vfiod.pci_events);
	close(kernel);
}

static struct vfiod_pci_event kernel_event(uint32_t kind, uint64_t id)
{
	return (struct vfiod_pci_event){
		.size = sizeof(struct vfiod_pci_event),
		.kind = kind,
		.id = id,
		.domain = FIRST >> 16,
		.bus = FIRST >> 8 & 0xff,
		.devfn = FIRST & 0xff,
		.detail = kind == VFIOD_PCI_ERROR ? VFIOD_PCI_CHANNEL_FROZEN : 0,
		.time_ms = id ? 3000 : 0,
	};
}

static void happens(const void *events, size_t size)
{
	ck_assert_int_eq(write(kernel, events, size), (ssize_t)size);
	let_it_run();
}

static void it_happens(uint32_t kind, uint64_t id)
{
	const struct vfiod_pci_event event = kernel_event(kind, id);

	happens(&event, sizeof(event));
}

/* The kernel has got that answer, and no other. */
static void expect_verdict(uint64_t id, uint32_t verdict)
{
	struct vfiod_pci_answer answer;

	ck_assert_int_eq(read(kernel, &answer, sizeof(answer)), sizeof(answer));
	ck_assert_uint_eq(answer.size, sizeof(answer));
	ck_assert_uint_eq(answer.id, id);
	ck_assert_uint_eq(answer.verdict, verdict);
	ck_assert_int_eq(read(kernel, &answer, sizeof(answer)), -1);
}

static void expect_no_verdict(void)
{
	struct vfiod_pci_answer answer;

	ck_assert_int_eq(read(kernel, &answer, sizeof(answer)), -1);
	ck_assert_int_eq(errno, EAGAIN);
}

static void expect_function_event(struct proto_conn *conn, uint32_t kind, uint64_t id)
{
	const struct vfiod_function_event *event = proto_msg_body(&msg);
	const char *why = "";

	ck_assert_int_eq(proto_conn_recv(conn, &msg, VFIOD_FDS_MAX, &why), 0);
	ck_assert_int_eq(proto_check_event(&msg), 0);
	ck_assert_uint_eq(msg.opcode, VFIOD_FUNCTION_EVENT);
	ck_assert_uint_eq(le32toh(event->kind), kind);
	ck_assert_uint_eq(le64toh(event->id), id);
	ck_assert_uint_eq(le64toh(event->lease), 5);
	ck_assert_uint_eq(le64toh(event->address), FIRST);
	ck_assert_uint_eq(le32toh(event->answer_ms), id ? 3000 : 0);
	ck_assert_uint_eq(le32toh(event->severity),
			  kind == VFIOD_FUNCTION_ERROR ? VFIOD_SEVERITY_FROZEN : VFIOD_SEVERITY_NONE);
}

static void ask_answer(struct proto_conn *conn, uint64_t lease, uint64_t id, uint32_t verdict, uint64_t cookie)
{
	const struct vfiod_answer_req body = { htole64(lease), htole64(id), htole32(verdict), 0 };

	ask(conn, VFIOD_ANSWER, cookie, &body, sizeof(body));
}

START_TEST(the_client_is_told_what_happens_to_its_function)
{
	static const struct {
		uint32_t happened, told;
	} kinds[] = {
		{ VFIOD_PCI_ERROR, VFIOD_FUNCTION_ERROR },     { VFIOD_PCI_RESET, VFIOD_FUNCTION_RESET },
		{ VFIOD_PCI_RESUMED, VFIOD_FUNCTION_RESUMED }, { VFIOD_PCI_REMOVAL, VFIOD_FUNCTION_REMOVAL },
		{ VFIOD_PCI_SUSPEND, VFIOD_FUNCTION_SUSPEND }, { VFIOD_PCI_WOKEN, VFIOD_FUNCTION_WOKEN },
		{ VFIOD_PCI_LOST, VFIOD_FUNCTION_LOST },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		it_happens(kinds[i].happened, 0);
		expect_function_event(&client, kinds[i].told, 0);
	}
	expect_no_verdict();
}
END_TEST

START_TEST(events_that_come_at_once_are_told_in_their_order)
{
	struct vfiod_pci_event events[3] = {
		kernel_event(VFIOD_PCI_ERROR, 0),
		kernel_event(VFIOD_PCI_RESET, 0),
		kernel_event(VFIOD_PCI_RESUMED, 0),
	};

	happens(events, sizeof(events));
	expect_function_event(&client, VFIOD_FUNCTION_ERROR, 0);
	expect_function_event(&client, VFIOD_FUNCTION_RESET, 0);
	expect_function_event(&client, VFIOD_FUNCTION_RESUMED, 0);
	expect_nothing(&client);
}
END_TEST

START_TEST(the_clients_answer_goes_to_the_kernel)
{
	static const uint32_t verdicts[][2] = { { VFIOD_VERDICT_GO_ON, VFIOD_PCI_GO_ON },
						{ VFIOD_VERDICT_NEED_RESET, VFIOD_PCI_NEED_RESET },
						{ VFIOD_VERDICT_GIVE_UP, VFIOD_PCI_GIVE_UP } };
	const struct vfiod_answer_rep *rep = proto_msg_body(&msg);

	it_happens(VFIOD_PCI_ERROR, 42);
	expect_function_event(&client, VFIOD_FUNCTION_ERROR, 42);
	expect_no_verdict();
	ask_answer(&client, 5, 42, verdicts[_i][0], COOKIE);
	receive(&client, VFIOD_ANSWER, COOKIE);
	ck_assert_uint_eq(msg.flags, VFIOD_REPLY);
	ck_assert_uint_eq(le64toh(rep->lease), 5);
	expect_verdict(42, verdicts[_i][1]);
}
END_TEST

START_TEST(an_answer_counts_once)
{
	it_happens(VFIOD_PCI_SUSPEND, 42);
	expect_function_event(&client, VFIOD_FUNCTION_SUSPEND, 42);
	ask_answer(&client, 5, 42, VFIOD_VERDICT_GO_ON, 1);
	receive(&client, VFIOD_ANSWER, 1);
	expect_verdict(42, VFIOD_PCI_GO_ON);
	ask_answer(&client, 5, 42, VFIOD_VERDICT_GIVE_UP, 2);
	expect_error(&client, VFIOD_ANSWER, 2, ENOENT, "event 42 of lease 5");
	expect_no_verdict();
}
END_TEST

START_TEST(an_answer_to_what_was_not_asked_is_refused)
{
	it_happens(VFIOD_PCI_ERROR, 42);
	expect_function_event(&client, VFIOD_FUNCTION_ERROR, 42);
	ask_answer(&client, 5, 43, VFIOD_VERDICT_GO_ON, 1);
	expect_error(&client, VFIOD_ANSWER, 1, ENOENT, "event 43 of lease 5");
	ask_answer(&client, 5, 0, VFIOD_VERDICT_GO_ON, 2);
	expect_error(&client, VFIOD_ANSWER, 2, ENOENT, "event 0");
	ask_answer(&client, 6, 42, VFIOD_VERDICT_GO_ON, 3);
	expect_error(&client, VFIOD_ANSWER, 3, ENOENT, "no lease 6");
	ask_answer(&client, 5, 42, 0, 4);
	expect_error(&client, VFIOD_ANSWER, 4, EINVAL, "no answer 0");
	ask_answer(&client, 5, 42, VFIOD_VERDICT_GIVE_UP + 1, 5);
	expect_error(&client, VFIOD_ANSWER, 5, EINVAL, "no answer 4");
	expect_no_verdict();
	ask_answer(&client, 5, 42, VFIOD_VERDICT_GO_ON, 6);
	receive(&client, VFIOD_ANSWER, 6);
	expect_verdict(42, VFIOD_PCI_GO_ON);
}
END_TEST

START_TEST(an_answer_is_taken_from_the_connection_that_has_the_lease_alone)
{
	struct proto_conn other = greet(pub_path);

	it_happens(VFIOD_PCI_ERROR, 42);
	expect_nothing(&other);
	ask_answer(&other, 5, 42, VFIOD_VERDICT_GIVE_UP, 1);
	expect_error(&other, VFIOD_ANSWER, 1, EPERM, "another connection");
	first->lease.uid = getuid() + 1;
	ask_answer(&other, 5, 42, VFIOD_VERDICT_GIVE_UP, 2);
	expect_error(&other, VFIOD_ANSWER, 2, ENOENT, "has no lease 5");
	/* nor about another lease of the same connection */
	first->lease.uid = getuid();
	lease_to(second, getuid(), 6);
	second->lease.client = 1;
	expect_function_event(&client, VFIOD_FUNCTION_ERROR, 42);
	ask_answer(&client, 6, 42, VFIOD_VERDICT_GIVE_UP, 3);
	expect_error(&client, VFIOD_ANSWER, 3, ENOENT, "event 42 of lease 6");
	expect_no_verdict();
	close(other.fd);
}
END_TEST

START_TEST(an_answer_that_the_kernel_does_not_take_is_refused)
{
	it_happens(VFIOD_PCI_ERROR, 42);
	expect_function_event(&client, VFIOD_FUNCTION_ERROR, 42);
	pci_events_free(vfiod.pci_events);
	vfiod.pci_events = NULL;
	ask_answer(&client, 5, 42, VFIOD_VERDICT_GO_ON, COOKIE);
	expect_error(&client, VFIOD_ANSWER, COOKIE, ENOENT, "has gone on");
}
END_TEST

/* Where nobody can answer: what is done to the function or its client before the kernel asks. */
static void let_it_be_free(void)
{
	device_unlease(first);
	first->state = VFIOD_FREE;
}

static void let_it_be_granted(void)
{
	first->state = VFIOD_GRANTING;
}

static void let_it_be_taken_back(void)
{
	first->state = VFIOD_REVOKING;
}

static void let_it_be_nobodys_we_know(void)
{
	first->lease.client = 0; /* as a vfiod before us left it */
}

static void let_the_client_be_gone(void)
{
	shutdown(client.fd, SHUT_RDWR);
	let_it_run();
}

static void let_the_client_have_gone_unseen(void)
{
	shutdown(client.fd, SHUT_RDWR);
}

static void let_the_client_be_old(void)
{
	close(client.fd);
	client = greet_in(pub_path, 1);
	first->lease.client = 3; /* after the administrator's */
}

static void let_the_client_be_expelled(void)
{
	const char nonsense[4] = "";

	ck_assert_int_eq(write(client.fd, nonsense, sizeof(nonsense)), sizeof(nonsense));
	let_it_run();
	ck_assert_int_gt(read(client.fd, msg.bytes, sizeof(msg.bytes)), 0);
	ck_assert_int_eq(read(client.fd, msg.bytes, sizeof(msg.bytes)), 0);
}

static void let_the_function_be_unknown(void)
{
	devices_remove(&vfiod.devices, first);
}

static void let_the_server_be_gone(void)
{
	server_free(vfiod.server);
	vfiod.server = NULL;
}

static void (*const without_a_client[])(void) = {
	let_it_be_free,
	let_it_be_granted,
	let_it_be_taken_back,
	let_it_be_nobodys_we_know,
	let_the_client_be_gone,
	let_the_client_have_gone_unseen,
	let_the_client_be_old,
	let_the_client_be_expelled,
	let_the_function_be_unknown,
	let_the_server_be_gone,
};

#define WITHOUT_A_CLIENT (sizeof(without_a_client) / sizeof(without_a_client[0]))

START_TEST(without_a_client_that_can_answer_the_kernel_has_its_answer_at_once)
{
	without_a_client[_i]();
	it_happens(VFIOD_PCI_ERROR, 42);
	expect_verdict(42, VFIOD_PCI_GO_ON);
}
END_TEST

START_TEST(a_client_of_version_1_is_not_told)
{
	let_the_client_be_old();
	it_happens(VFIOD_PCI_REMOVAL, 0);
	it_happens(VFIOD_PCI_LOST, 0);
	expect_nothing(&client);
	ask_answer(&client, 5, 42, VFIOD_VERDICT_GO_ON, COOKIE);
	expect_error(&client, VFIOD_ANSWER, COOKIE, ENOENT, "never told");
}
END_TEST

static void let_the_lease_end(void)
{
	lease_end(&vfiod, first, 0, NULL);
}

static void let_the_function_be_unplugged(void)
{
	daemon_device_gone(&vfiod, first);
}

static void (*const departures[])(void) = {
	let_the_client_be_gone,
	let_the_lease_end,
	let_the_function_be_unplugged,
	let_the_server_be_gone,
};

#define DEPARTURES (sizeof(departures) / sizeof(departures[0]))

START_TEST(what_the_client_leaves_unanswered_is_answered_when_it_goes)
{
	it_happens(VFIOD_PCI_ERROR, 42);
	expect_no_verdict();
	departures[_i]();
	expect_verdict(42, VFIOD_PCI_GO_ON);
}
END_TEST

START_TEST(a_question_that_nobody_knows_is_answered_and_not_told)
{
	it_happens(99, 42);
	expect_verdict(42, VFIOD_PCI_GO_ON);
	it_happens(0, 43);
	expect_verdict(43, VFIOD_PCI_GO_ON);
	expect_nothing(&client);
}
END_TEST

START_TEST(an_error_of_an_unknown_severity_is_told_as_the_worst)
{
	const struct vfiod_function_event *told = proto_msg_body(&msg);
	struct vfiod_pci_event event = kernel_event(VFIOD_PCI_ERROR, 0);
	const char *why = "";

	event.detail = _i ? 77 : 0;
	happens(&event, sizeof(event));
	ck_assert_int_eq(proto_conn_recv(&client, &msg, 0, &why), 0);
	ck_assert_int_eq(proto_check_event(&msg), 0);
	ck_assert_uint_eq(le32toh(told->severity), VFIOD_SEVERITY_DEAD);
}
END_TEST

START_TEST(events_of_a_newer_module_may_be_longer)
{
	struct {
		struct vfiod_pci_event event;
		char more[16];
	} events[2] = { { .event = kernel_event(VFIOD_PCI_SUSPEND, 0) },
			{ .event = kernel_event(VFIOD_PCI_WOKEN, 0) } };

	events[0].event.size = events[1].event.size = sizeof(events[0]);
	happens(events, sizeof(events));
	expect_function_event(&client, VFIOD_FUNCTION_SUSPEND, 0);
	expect_function_event(&client, VFIOD_FUNCTION_WOKEN, 0);
}
END_TEST

START_TEST(a_stream_that_makes_no_sense_is_let_go_and_vfiod_goes_on)
{
	static const uint32_t sizes[] = { 0, 1, sizeof(struct vfiod_pci_event) + 1, UINT32_MAX };
	struct vfiod_pci_event event = kernel_event(VFIOD_PCI_WOKEN, 0);

	event.size = sizes[_i];
	happens(&event, sizeof(event));
	expect_nothing(&client);
	it_happens(VFIOD_PCI_WOKEN, 0);
	expect_nothing(&client);
	ask_list(&client, COOKIE);
	receive(&client, VFIOD_LIST, COOKIE);
}
END_TEST

START_TEST(without_functions_of_the_strict_driver_its_node_is_let_go)
{
	struct vfiod_pci_answer answer;

	pci_events_follow(&vfiod);
	expect_no_verdict();
	first->facts.strict = false;
	pci_events_follow(&vfiod);
	ck_assert_ptr_null(vfiod.pci_events);
	ck_assert_int_eq(read(kernel, &answer, sizeof(answer)), 0);
}
END_TEST

/* ---- unplugged ---- */

START_TEST(a_function_that_is_unplugged_is_forgotten_in_every_state_but_a_busy_one)
{
	first->state = assigned[_i];
	daemon_device_gone(&vfiod, first);
	ck_assert_int_eq(devices_find(&vfiod.devices, FIRST) != NULL,
			 assigned[_i] == VFIOD_ASSIGNING || assigned[_i] == VFIOD_GRANTING ||
				 assigned[_i] == VFIOD_REVOKING || assigned[_i] == VFIOD_UNASSIGNING);
}
END_TEST

START_TEST(a_busy_function_that_is_unplugged_is_forgotten_when_its_worker_has_ended)
{
	first->state = busy[_i];
	daemon_device_gone(&vfiod, first);
	settle(first, VFIOD_QUARANTINED);
	ck_assert_ptr_null(devices_find(&vfiod.devices, FIRST));
	ck_assert_ptr_eq(devices_find(&vfiod.devices, SECOND), second);
}
END_TEST

/* ---- how a lease ends, as it is counted ---- */

START_TEST(a_lease_that_ends_by_an_unplug_or_in_quarantine_is_counted_as_that_alone)
{
	static const enum vfiod_stat how[] = { VFIOD_STAT_ENDS, VFIOD_STAT_REVOKES, VFIOD_STAT_ENDS_UNPLUGGED,
					       VFIOD_STAT_ENDS_QUARANTINED };
	enum vfiod_stat right = _i ? VFIOD_STAT_ENDS_QUARANTINED : VFIOD_STAT_ENDS_UNPLUGGED;

	lease_to(first, getuid(), 5);
	if (_i)
		revoke_start(&vfiod, first); /* there is nothing that could be cleaned */
	else
		daemon_device_gone(&vfiod, first);
	while (workers_busy(vfiod.workers))
		event_base_loop(vfiod.base, EVLOOP_ONCE);
	ck_assert_int_eq(_i ? first->state : VFIOD_QUARANTINED, VFIOD_QUARANTINED);
	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++)
		ck_assert_uint_eq(vfiod.metrics.counts[how[i]], how[i] == right);
}
END_TEST

/* ---- what a rule says of a lease ---- */

/* A lease that this process has by its connection, and whose rule lets it last for an hour. */
static void lease_for_an_hour(struct rule *rule, struct config *config)
{
	limit(rule, config);
	rule->lease_time = 3600;
	config->revoke_grace = 5;
	lease_to(first, getuid(), 5);
	first->lease.by_handles = true;
	first->lease.client = newest_serial() - 1; /* the newest is the administrator */
	terms_set(&vfiod, first);
}

/* Another time than its rule says. */
static void lasts_until(uint64_t until_ms)
{
	terms_end(&vfiod, first);
	first->lease.until_ms = until_ms;
	terms_resume(&vfiod, first);
}

static uint32_t expect_lease_event(uint32_t kind)
{
	const struct vfiod_lease_event *event = proto_msg_body(&msg);
	const char *why = "";

	ck_assert_int_eq(proto_conn_recv(&client, &msg, 0, &why), 0);
	ck_assert_int_eq(proto_check_event(&msg), 0);
	ck_assert_uint_eq(le32toh(event->kind), kind);
	ck_assert_uint_eq(le64toh(event->lease), 5);
	return le32toh(event->grace_ms);
}

START_TEST(a_client_is_told_how_long_its_lease_lasts_and_when_that_is_over)
{
	struct config config;
	struct rule rule;
	uint32_t left;

	lease_for_an_hour(&rule, &config);
	lasts_until(first->lease.until_ms - 3600000 + 50); /* the hour is almost over */
	terms_tell(&vfiod, first);
	left = expect_lease_event(VFIOD_LEASE_LIMITED);
	ck_assert_uint_le(left, 50);
	while (!first->lease.deadline)
		ck_assert_int_eq(event_base_loop(vfiod.base, EVLOOP_ONCE), 0);
	ck_assert_uint_eq(expect_lease_event(VFIOD_LEASE_REVOKE_ANNOUNCED), 5000);
	ck_assert_int_eq(first->state, VFIOD_LEASED);
	lease_end(&vfiod, first, 0, NULL);
	expect_lease_event(VFIOD_LEASE_REVOKED);
	ck_assert_ptr_null(first->lease.term);
}
END_TEST

START_TEST(a_lease_that_goes_on_over_a_restart_has_the_time_that_is_left)
{
	struct config config;
	struct rule rule;

	lease_for_an_hour(&rule, &config);
	first->lease.client = 0;
	lasts_until(1); /* long ago */
	while (!first->lease.deadline)
		ck_assert_int_eq(event_base_loop(vfiod.base, EVLOOP_ONCE), 0);
	lease_end(&vfiod, first, 0, NULL);
}
END_TEST

START_TEST(after_a_restart_the_process_that_asked_for_a_lease_is_watched_if_there_still_is_one)
{
	pid_t child = fork();

	if (!child) {
		pause();
		_exit(0);
	}
	lease_to(first, getuid(), 5);
	first->lease.by_handles = true;
	first->lease.pid = (uint32_t)child;
	holder_resume(first);
	ck_assert_ptr_nonnull(first->lease.process);
	holder_end(first);
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	holder_resume(first);
	ck_assert_ptr_null(first->lease.process);
	lease_end(&vfiod, first, 0, NULL);
}
END_TEST

START_TEST(a_lease_whose_time_is_over_before_it_is_granted_ends_soon_after)
{
	struct config config;
	struct rule rule;

	lease_for_an_hour(&rule, &config);
	first->state = VFIOD_GRANTING;
	lasts_until(1);
	let_it_run();
	ck_assert_ptr_null(first->lease.deadline);
	first->state = VFIOD_LEASED;
	while (!first->lease.deadline)
		ck_assert_int_eq(event_base_loop(vfiod.base, EVLOOP_ONCE), 0);
	lease_end(&vfiod, first, 0, NULL);
}
END_TEST

START_TEST(what_was_announced_to_end_is_not_announced_again_when_its_time_is_over)
{
	struct config config;
	struct rule rule;

	lease_for_an_hour(&rule, &config);
	lasts_until(1);
	revoke_announce(&vfiod, first, 60000);
	ck_assert_uint_eq(expect_lease_event(VFIOD_LEASE_REVOKE_ANNOUNCED), 60000);
	let_it_run();
	expect_nothing(&client);
	lease_end(&vfiod, first, 0, NULL);
}
END_TEST

START_TEST(of_two_ends_that_are_announced_the_earlier_counts)
{
	struct config config;
	struct rule rule;

	lease_for_an_hour(&rule, &config);
	terms_begin(&vfiod, first, NULL);
	terms_tell(&vfiod, first);
	expect_lease_event(VFIOD_LEASE_LIMITED);
	revoke_announce(&vfiod, first, 60000);
	ck_assert_uint_eq(expect_lease_event(VFIOD_LEASE_REVOKE_ANNOUNCED), 60000);
	revoke_announce(&vfiod, first, 70000);
	let_it_run();
	expect_nothing(&client);
	revoke_announce(&vfiod, first, 50000);
	ck_assert_uint_eq(expect_lease_event(VFIOD_LEASE_REVOKE_ANNOUNCED), 50000);
	ck_assert_uint_le(first->lease.ends_ms, clock_ms() + 50000);
	lease_end(&vfiod, first, 0, NULL);
}
END_TEST

START_TEST(a_lease_that_has_ended_is_not_ended_again)
{
	struct config config;
	struct rule rule;

	lease_for_an_hour(&rule, &config);
	lasts_until(1);
	lease_end(&vfiod, first, 0, NULL);
	lease_to(first, getuid(), 6);
	let_it_run();
	ck_assert_ptr_null(first->lease.deadline);
	expect_nothing(&client);
}
END_TEST

START_TEST(a_client_of_version_2_is_not_told_of_times_nor_is_one_without_any)
{
	struct proto_conn old = greet_in(pub_path, 2);
	struct config config;
	struct rule rule;

	lease_for_an_hour(&rule, &config);
	first->lease.client = newest_serial();
	terms_tell(&vfiod, first);
	expect_nothing(&old);
	rule.lease_time = 0;
	first->lease.client = newest_serial() - 2;
	terms_end(&vfiod, first);
	terms_set(&vfiod, first);
	terms_begin(&vfiod, first, NULL);
	terms_tell(&vfiod, first);
	expect_nothing(&client);
	ck_assert_ptr_null(first->lease.term);
	close(old.fd);
}
END_TEST

START_TEST(a_lease_for_a_time_is_refused_where_it_could_not_be_taken_back)
{
	struct config config;
	struct rule rule;

	limit(&rule, &config);
	rule.lease_time = 3600;
	ask_acquire(&client, FIRST, COOKIE);
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, EOPNOTSUPP, "modprobe vfiod_handle");
}
END_TEST

START_TEST(the_process_of_a_client_may_lock_what_its_rule_says_until_the_lease_ends)
{
	const struct rlimit low = { 65536, 1048576 };
	struct rlimit now;
	struct config config;
	struct rule rule;

	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &low), 0);
	limit(&rule, &config);
	rule.memlock = 1048576;
	lease_to(first, getuid(), 5);
	terms_begin(&vfiod, first, server_client(vfiod.server, newest_serial() - 1));
	ck_assert_int_eq(getrlimit(RLIMIT_MEMLOCK, &now), 0);
	ck_assert_uint_eq(now.rlim_cur, 1048576);
	lease_end(&vfiod, first, 0, NULL);
	ck_assert_int_eq(getrlimit(RLIMIT_MEMLOCK, &now), 0);
	ck_assert_uint_eq(now.rlim_cur, 65536);
	/* of a client that has gone there is no process */
	lease_to(first, getuid(), 6);
	terms_begin(&vfiod, first, NULL);
	ck_assert_ptr_null(vfiod.memlock);
}
END_TEST

/* ---- pools, and what would come of a request ---- */

#define POOL_SIZE 4
#define NOWHERE	  0xffffu /* no such user */

static struct device *pool[POOL_SIZE]; /* each in a group of its own, 100 and so on */
static struct rule pool_rule;
static struct config pool_config;

static void set_up_pool(void)
{
	set_up();
	limit(&pool_rule, &pool_config);
	pool_rule.pool = (char *)"fast";
	pool[0] = first;
	pool[1] = second;
	for (uint32_t i = 0; i < POOL_SIZE; i++) {
		if (i > 1)
			pool[i] = put(FIRST + i);
		set_group(pool[i], 100 + (uint32_t)i);
	}
}

static const struct vfiod_why_rep *ask_why(uint64_t address, const char *name, uint32_t mode, uint32_t node)
{
	struct vfiod_why_req body = { .address = htole64(address), .mode = htole32(mode), .numa_node = htole32(node) };

	memcpy(body.pool, name, strlen(name)); /* of zeros behind it */
	ask(&client, VFIOD_WHY, COOKIE, &body, sizeof(body));
	receive(&client, VFIOD_WHY, COOKIE);
	ck_assert_uint_eq(msg.flags, VFIOD_REPLY);
	return proto_msg_body(&msg);
}

static const struct vfiod_why_rep *why_pool(uint32_t node)
{
	return ask_why(0, "fast", VFIOD_MODE_CONTAINER, node);
}

static void ask_pool(struct proto_conn *conn, const char *name, uint32_t mode, uint32_t node)
{
	struct vfiod_acquire_pool_req body = { .mode = htole32(mode), .numa_node = htole32(node) };

	memcpy(body.pool, name, strlen(name));
	ask(conn, VFIOD_ACQUIRE_POOL, COOKIE, &body, sizeof(body));
}

/* As far as a function that does not exist can be granted: opening the group fails. */
static void expect_granted(uint16_t opcode, uint32_t group)
{
	char node[32];

	snprintf(node, sizeof(node), "/dev/vfio/%u:", group);
	expect_error(&client, opcode, COOKIE, ENOENT, node);
}

static void expect_why(const struct vfiod_why_rep *rep, int code, uint32_t remedy, const char *words)
{
	ck_assert_msg(le32toh(rep->code) == (uint32_t)code, "%u: %s", le32toh(rep->code), rep->text);
	ck_assert_uint_eq(le32toh(rep->remedy), remedy);
	ck_assert_msg(strstr(rep->text, words), "'%s' is not in: %s", words, rep->text);
}

START_TEST(of_a_pool_the_first_free_one_is_given)
{
	lease_to(pool[0], 4000, 5);
	pool[1]->state = VFIOD_QUARANTINED;
	ck_assert_uint_eq(le64toh(why_pool(VFIOD_NONE)->address), FIRST + 2);
	ask_pool(&client, "fast", VFIOD_MODE_CONTAINER, VFIOD_NONE);
	expect_granted(VFIOD_ACQUIRE_POOL, 102);
}
END_TEST

START_TEST(of_a_pool_one_that_is_open_already_is_given_first)
{
	pool[2]->files.device = 0; /* it is not used */
	ck_assert_uint_eq(le64toh(why_pool(VFIOD_NONE)->address), FIRST + 2);
	pool[2]->files.device = -1;
}
END_TEST

/* A machine of three nodes, in a folder. */
static void make_nodes(char path[104])
{
	static const char *const files[][2] = { { "online", "0-2" }, { "node1/distance", "20 10 15" } };
	char name[120];

	snprintf(path, 104, "%s/nodes-XXXXXX", root);
	ck_assert_ptr_nonnull(mkdtemp(path));
	snprintf(name, sizeof(name), "%s/node1", path);
	ck_assert_int_eq(mkdir(name, 0700), 0);
	for (size_t i = 0; i < 2; i++) {
		FILE *file;

		snprintf(name, sizeof(name), "%s/%s", path, files[i][0]);
		file = fopen(name, "we");
		ck_assert_ptr_nonnull(file);
		fputs(files[i][1], file);
		fclose(file);
	}
	vfiod.numa = path;
}

START_TEST(of_a_pool_the_free_one_nearest_to_the_node_is_given)
{
	char nodes[104];

	make_nodes(nodes);
	pool[0]->facts.numa_node = VFIOD_NONE;
	pool[1]->facts.numa_node = 0;
	pool[2]->facts.numa_node = 2;
	pool[3]->facts.numa_node = 1;
	pool[0]->files.device = 0; /* to be open is worth less than to be near */
	ck_assert_uint_eq(le64toh(why_pool(1)->address), FIRST + 3);
	lease_to(pool[3], 4000, 5);
	ck_assert_uint_eq(le64toh(why_pool(1)->address), FIRST + 2);
	lease_to(pool[2], 4000, 6);
	ck_assert_uint_eq(le64toh(why_pool(1)->address), FIRST + 1);
	lease_to(pool[1], 4000, 7);
	ck_assert_uint_eq(le64toh(why_pool(1)->address), FIRST);
	pool[0]->files.device = -1;
	expect_why(why_pool(7), EINVAL, VFIOD_REMEDY_YOU, "no NUMA node 7");
}
END_TEST

START_TEST(a_pool_that_is_not_there_or_has_a_name_that_does_not_end_is_refused)
{
	char name[VFIOD_NAME_MAX + 1] = "a-name-of-32-characters-or-bytes";
	struct vfiod_why_req why = { .mode = htole32(VFIOD_MODE_CONTAINER) };

	expect_why(ask_why(0, "slow", VFIOD_MODE_CONTAINER, VFIOD_NONE), ENODEV, VFIOD_REMEDY_YOU | VFIOD_REMEDY_ADMIN,
		   "no pool \"slow\"");
	ask_pool(&client, "slow", VFIOD_MODE_CONTAINER, VFIOD_NONE);
	expect_error(&client, VFIOD_ACQUIRE_POOL, COOKIE, ENODEV, "vfioctl pool");
	ask_pool(&client, "", VFIOD_MODE_CONTAINER, VFIOD_NONE);
	expect_error(&client, VFIOD_ACQUIRE_POOL, COOKIE, ENODEV, "no pool \"\"");
	ask_pool(&client, name, VFIOD_MODE_CONTAINER, VFIOD_NONE);
	expect_error(&client, VFIOD_ACQUIRE_POOL, COOKIE, EINVAL, "at most 31 bytes");
	memcpy(why.pool, name, sizeof(why.pool));
	ask(&client, VFIOD_WHY, COOKIE, &why, sizeof(why));
	expect_error(&client, VFIOD_WHY, COOKIE, EINVAL, "at most 31 bytes");
}
END_TEST

START_TEST(of_a_pool_in_which_all_are_taken_the_refusal_that_is_nearest_to_a_grant_is_told)
{
	pool[0]->owner.uid = NOWHERE;
	pool[1]->state = VFIOD_QUARANTINED;
	strcpy(pool[1]->reason, "it does not answer");
	lease_to(pool[2], 4000, 5);
	pool[3]->state = VFIOD_UNMANAGED;
	expect_why(why_pool(VFIOD_NONE), EBUSY, VFIOD_REMEDY_HOLDER, "none of the 4 functions of pool \"fast\"");
	expect_why(why_pool(VFIOD_NONE), EBUSY, VFIOD_REMEDY_HOLDER, "leased to user 4000");
	pool[2]->owner.uid = NOWHERE;
	expect_why(why_pool(VFIOD_NONE), EIO, VFIOD_REMEDY_ADMIN, "it does not answer");
	pool[1]->owner.uid = NOWHERE;
	expect_why(why_pool(VFIOD_NONE), EACCES, VFIOD_REMEDY_ADMIN, "assigned to user 65535");
}
END_TEST

START_TEST(whoever_asks_for_one_of_a_pool_waits_for_one_that_is_being_cleaned_if_none_is_free)
{
	for (size_t i = 0; i < POOL_SIZE; i++)
		lease_to(pool[i], 4000, 5 + i);
	pool[2]->state = VFIOD_REVOKING;
	expect_why(why_pool(VFIOD_NONE), EAGAIN, VFIOD_REMEDY_TIME, "revoking");
	ask_pool(&client, "fast", VFIOD_MODE_CONTAINER, VFIOD_NONE);
	expect_nothing(&client);
	device_unlease(pool[3]);
	pool[3]->state = VFIOD_FREE; /* another one is sooner */
	settle(pool[2], VFIOD_QUARANTINED);
	expect_granted(VFIOD_ACQUIRE_POOL, 103);
}
END_TEST

START_TEST(who_asked_in_vain_comes_before_who_has_more)
{
	const struct claim *claim;

	for (size_t i = 0; i < POOL_SIZE; i++)
		lease_to(pool[i], i ? getuid() : 4000, 5 + i);
	ask_pool(&client, "fast", VFIOD_MODE_CONTAINER, VFIOD_NONE);
	expect_error(&client, VFIOD_ACQUIRE_POOL, COOKIE, EBUSY, "leased");
	claim = claims_next(&vfiod.claims, NULL, "fast", &pool[0]->owner, clock_ms());
	ck_assert_ptr_nonnull(claim);
	ck_assert_uint_eq(claim->uid, getuid());
	/* another user asked, too, and has one; this one has three, then two, then one of the three that are left */
	claims_note(&vfiod.claims, "fast", 4000, &pool[0]->owner, clock_ms());
	for (size_t i = 3; i > 1; i--) {
		device_unlease(pool[i]);
		pool[i]->state = VFIOD_FREE;
		if (i == 3)
			expect_why(why_pool(VFIOD_NONE), EBUSY, VFIOD_REMEDY_TIME, "user 4000 has 1 of pool");
	}
	ck_assert_uint_eq(le32toh(why_pool(VFIOD_NONE)->code), 0);
	/* one that is asked for by its address is of the pool all the same */
	lease_to(pool[3], getuid(), 8);
	ask_acquire(&client, FIRST + 2, COOKIE);
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, EBUSY, "it comes first");
	claims_settle(&vfiod.claims, "fast", 4000);
	ask_acquire(&client, FIRST + 2, COOKIE);
	expect_granted(VFIOD_ACQUIRE, 102);
}
END_TEST

/* One is leased, and the others are free, but not to be had like this. */
START_TEST(who_could_have_one_by_asking_for_something_else_has_no_claim)
{
	lease_to(pool[0], 4000, 5);
	ask_pool(&client, "fast", VFIOD_MODE_IOMMUFD, VFIOD_NONE);
	expect_error(&client, VFIOD_ACQUIRE_POOL, COOKIE, EBUSY, "none of the 4");
	ck_assert_ptr_null(claims_next(&vfiod.claims, NULL, "fast", &pool[0]->owner, clock_ms()));
}
END_TEST

START_TEST(a_claim_on_one_owners_functions_is_none_on_anothers)
{
	const struct owner other = { 4000, VFIOD_NONE };

	lease_to(pool[0], getuid(), 5);
	claims_note(&vfiod.claims, "fast", 4000, &other, clock_ms());
	ask_acquire(&client, FIRST + 2, COOKIE);
	expect_granted(VFIOD_ACQUIRE, 102);
}
END_TEST

START_TEST(who_gets_one_of_a_pool_has_no_claim_any_more)
{
	claims_note(&vfiod.claims, "fast", getuid(), &pool[0]->owner, clock_ms());
	ask_pool(&client, "fast", VFIOD_MODE_CONTAINER, VFIOD_NONE);
	expect_granted(VFIOD_ACQUIRE_POOL, 100);
	ck_assert_ptr_null(claims_next(&vfiod.claims, NULL, "fast", &pool[0]->owner, clock_ms()));
}
END_TEST

START_TEST(to_ask_why_is_no_claim_and_changes_nothing)
{
	for (size_t i = 0; i < POOL_SIZE; i++)
		lease_to(pool[i], 4000, 5 + i);
	expect_why(why_pool(VFIOD_NONE), EBUSY, VFIOD_REMEDY_HOLDER, "leased");
	ck_assert_ptr_null(claims_next(&vfiod.claims, NULL, "fast", &pool[0]->owner, clock_ms()));
	pool[0]->state = VFIOD_FREE;
	ck_assert_uint_eq(le32toh(why_pool(VFIOD_NONE)->code), 0);
	ck_assert_int_eq(pool[0]->state, VFIOD_FREE);
}
END_TEST

START_TEST(the_members_of_pools_are_told_page_by_page)
{
	struct vfiod_members_req body = { .start = htole64(FIRST + 1), .max = htole32(2) };
	const struct vfiod_members_rep *rep = proto_msg_body(&msg);

	pool_rule.has_address = true; /* of one of them alone */
	pool_rule.address = FIRST + 1;
	ask(&client, VFIOD_MEMBERS, COOKIE, &body, sizeof(body));
	receive(&client, VFIOD_MEMBERS, COOKIE);
	ck_assert_uint_eq(le32toh(rep->count), 1);
	pool_rule.has_address = false;
	ask(&client, VFIOD_MEMBERS, COOKIE, &body, sizeof(body));
	receive(&client, VFIOD_MEMBERS, COOKIE);
	ck_assert_uint_eq(le32toh(rep->count), 2);
	ck_assert_uint_eq(le64toh(rep->members[0].address), FIRST + 1);
	ck_assert_uint_eq(le64toh(rep->members[1].address), FIRST + 2);
	ck_assert_str_eq(rep->members[1].pool, "fast");
	body.start = htole64(FIRST + 4);
	ask(&admin, VFIOD_MEMBERS, COOKIE, &body, sizeof(body));
	receive(&admin, VFIOD_MEMBERS, COOKIE);
	ck_assert_uint_eq(le32toh(rep->count), 0);
	body.max = htole32(102 * (uint32_t)_i);
	ask(&client, VFIOD_MEMBERS, COOKIE, &body, sizeof(body));
	expect_error(&client, VFIOD_MEMBERS, COOKIE, EINVAL, "1 to 101 functions");
}
END_TEST

/* What stands in the way of one function, and who can change it. */
START_TEST(why_says_who_can_change_it)
{
	static const struct {
		uint32_t modes, mode;
		unsigned int quota;
		enum vfiod_state state, sibling;
		uint32_t owner;
		int code;
		uint32_t remedy;
	} cases[] = {
		{ 0, 1, 0, VFIOD_FREE, VFIOD_FREE, 0, 0, 0 },
		{ 0, 1, 0, VFIOD_FREE, VFIOD_FREE, NOWHERE, EACCES, VFIOD_REMEDY_ADMIN },
		{ CONFIG_MODE(2), 1, 0, VFIOD_FREE, VFIOD_FREE, 0, EACCES, VFIOD_REMEDY_YOU | VFIOD_REMEDY_ADMIN },
		{ 0, 9, 0, VFIOD_FREE, VFIOD_FREE, 0, EINVAL, VFIOD_REMEDY_YOU },
		{ 0, 1, 1, VFIOD_FREE, VFIOD_LEASED, 0, EDQUOT, VFIOD_REMEDY_YOU },
		{ 0, 1, 0, VFIOD_LEASED, VFIOD_FREE, 0, EBUSY, VFIOD_REMEDY_HOLDER },
		{ 0, 1, 0, VFIOD_QUARANTINED, VFIOD_FREE, 0, EIO, VFIOD_REMEDY_ADMIN },
		{ 0, 1, 0, VFIOD_UNMANAGED, VFIOD_FREE, 0, EACCES, VFIOD_REMEDY_ADMIN },
		{ 0, 1, 0, VFIOD_ASSIGNING, VFIOD_FREE, 0, EAGAIN, VFIOD_REMEDY_TIME },
	};

	pool_rule.modes = cases[_i].modes;
	pool_rule.leases_per_user = cases[_i].quota;
	first->owner.uid = cases[_i].owner ? cases[_i].owner : getuid();
	if (cases[_i].sibling == VFIOD_LEASED)
		lease_to(second, getuid(), 5);
	if (cases[_i].state == VFIOD_LEASED)
		lease_to(first, 4000, 5);
	first->state = cases[_i].state;
	expect_why(ask_why(FIRST, "", cases[_i].mode, VFIOD_NONE), cases[_i].code, cases[_i].remedy, "");
}
END_TEST

START_TEST(a_lease_that_can_be_taken_back_is_the_administrators_to_change_too)
{
	lease_to(first, 4000, 5);
	first->lease.by_handles = true;
	expect_why(ask_why(FIRST, "", VFIOD_MODE_CONTAINER, VFIOD_NONE), EBUSY,
		   VFIOD_REMEDY_HOLDER | VFIOD_REMEDY_ADMIN, "vfioctl revoke");
	expect_why(ask_why(FIRST + 99, "", VFIOD_MODE_CONTAINER, VFIOD_NONE), ENODEV, VFIOD_REMEDY_YOU, "vfioctl list");
}
END_TEST

/* ---- WHY and ACQUIRE never disagree ---- */

static uint64_t seed;

static uint32_t any_below(uint32_t limit)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % limit;
}

/* Few values, so that they meet. */
static void make_any_rule(struct rule *rule, uid_t *user)
{
	static char *pools[] = { NULL, (char *)"fast", (char *)"slow" };
	static char *labels[] = { (char *)"lab" };

	rule->has_address = any_below(2);
	rule->address = FIRST + any_below(POOL_SIZE);
	rule->pool = pools[any_below(3)];
	rule->modes = any_below(10) ? 0 : CONFIG_MODE(1 + any_below(2));
	rule->leases_per_user = any_below(2) * any_below(3);
	rule->lease_time = any_below(12) ? 0 : 60;
	*user = any_below(3);
	rule->users = user;
	rule->user_count = any_below(6) ? 0 : 1;
	rule->labels = labels;
	rule->label_count = any_below(12) ? 0 : 1;
}

static void make_any_device(struct device *device)
{
	device_unlease(device);
	device->state = any_below(2) ? VFIOD_FREE : any_below(STATE_COUNT);
	set_group(device, 100 + any_below(6));
	device->owner = (struct owner){ any_below(2) ? any_below(2) : VFIOD_NONE, VFIOD_NONE };
	if (device->owner.uid == VFIOD_NONE)
		device->owner.gid = any_below(2);
	if (device->state == VFIOD_LEASED || device->state == VFIOD_REVOKING)
		device_lease(device, 5, any_below(3));
	device->lease.by_handles = device->lease.id && any_below(2);
}

static void make_any_world(struct rule rules[3], uid_t users[3])
{
	static uint64_t serial = 2; /* the first two have gone, or are the administrator's */
	struct peer *peer;

	while (server_client(vfiod.server, serial + 1))
		serial++;
	/* the newest connection is of whomever the test wants */
	peer = (struct peer *)(uintptr_t)client_peer(server_client(vfiod.server, serial));
	for (size_t i = 0; i < 3; i++)
		make_any_rule(&rules[i], &users[i]);
	for (size_t i = 0; i < POOL_SIZE; i++)
		make_any_device(pool[i]);
	memset(&vfiod.claims, 0, sizeof(vfiod.claims));
	for (uint32_t i = any_below(4); i; i--)
		claims_note(&vfiod.claims, any_below(2) ? "fast" : "slow", any_below(3), &pool[0]->owner, clock_ms());
	peer->uid = any_below(2);
	peer->gid = any_below(2);
	strcpy(peer->label, any_below(2) ? "lab" : "");
}

/* Nobody answers one that waits: its client gives up, and comes back. */
static void give_up_waiting(void)
{
	close(client.fd);
	let_it_run();
	client = greet(pub_path);
}

START_TEST(what_acquire_does_why_has_said)
{
	struct rule rules[3] = { pool_rule, pool_rule, pool_rule };
	unsigned int granted = 0, waited = 0, refused = 0;
	uid_t users[3];

	seed = 1 + (uint64_t)_i;
	pool_config.rules = rules;
	pool_config.rule_count = 3;
	give_up_waiting(); /* it is the newest connection, then */
	for (int i = 0; i < 1000; i++) {
		bool by_pool = any_below(2);
		const char *name = !by_pool ? "" : any_below(2) ? "fast" : "slow";
		uint64_t address = FIRST + any_below(POOL_SIZE + 1);
		uint32_t mode = 1 + any_below(2);
		uint16_t opcode = by_pool ? VFIOD_ACQUIRE_POOL : VFIOD_ACQUIRE;
		struct vfiod_acquire_req body = { .address = htole64(address), .mode = htole32(mode) };
		struct vfiod_why_rep said;

		make_any_world(rules, users);
		said = *ask_why(address, name, mode, VFIOD_NONE);
		if (by_pool)
			ask_pool(&client, name, mode, VFIOD_NONE);
		else
			ask(&client, VFIOD_ACQUIRE, COOKIE, &body, sizeof(body));
		if (!said.code) {
			expect_granted(opcode, devices_find(&vfiod.devices, le64toh(said.address))->facts.group);
			granted++;
		} else if (le32toh(said.code) == EAGAIN) {
			expect_nothing(&client);
			ck_assert(!TAILQ_EMPTY(&devices_find(&vfiod.devices, le64toh(said.address))->waiting));
			give_up_waiting();
			waited++;
		} else {
			expect_error(&client, opcode, COOKIE, (int)le32toh(said.code), said.text);
			refused++;
		}
	}
	ck_assert_msg(granted > 50 && waited > 50 && refused > 50, "%u %u %u", granted, waited, refused);
}
END_TEST

/* ---- reload ---- */

static char conf_path[104];

static void write_conf(const char *text)
{
	FILE *file = fopen(conf_path, "we");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

#define ONE_RULE \
	"rule \"all\" {\n	class = \"01\"\n	pool = \"fast\"\n	lease-time = 3600\n	warm = " \
	"false\n}\n"

static void set_up_reload(void)
{
	struct failure failure;

	set_up();
	snprintf(conf_path, sizeof(conf_path), "%s/XXXXXX", root);
	close(mkstemp(conf_path));
	write_conf(ONE_RULE);
	vfiod.source = (struct config_source){ .path = conf_path, .required = true };
	ck_assert_int_eq(config_load(conf_path, true, NULL, &vfiod.config, &failure), 0);
}

static void tear_down_reload(void)
{
	while (vfiod.reload)
		event_base_loop(vfiod.base, EVLOOP_ONCE);
	tear_down();
	config_free(vfiod.config);
}

static void ask_reload(struct proto_conn *conn)
{
	const struct vfiod_reload_req body = { 0 };

	ck_assert_int_eq(proto_conn_send(conn, VFIOD_RELOAD, 0, COOKIE, &body, sizeof(body), NULL, 0), 0);
}

/* Until all that was asked for has been read. */
static void finish_reload(void)
{
	let_it_run();
	while (vfiod.reload)
		ck_assert_int_eq(event_base_loop(vfiod.base, EVLOOP_ONCE), 0);
	let_it_run();
}

static void expect_reloaded(struct proto_conn *conn, uint32_t rules)
{
	const struct vfiod_reload_rep *rep = proto_msg_body(&msg);

	receive(conn, VFIOD_RELOAD, COOKIE);
	ck_assert_uint_eq(msg.flags, VFIOD_REPLY);
	ck_assert_uint_eq(le32toh(rep->rules), rules);
}

START_TEST(a_configuration_that_was_read_anew_counts_from_then_on)
{
	write_conf("rule \"none\" { class = \"01\" modes = { \"group\" } }\nrule \"b\" { class = \"02\" }\n");
	ask_reload(&admin);
	finish_reload();
	expect_reloaded(&admin, 2);
	ask_acquire(&client, FIRST, COOKIE);
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, EACCES, "rule \"none\"");
}
END_TEST

START_TEST(a_broken_configuration_changes_nothing_and_the_mistake_is_told_with_its_line)
{
	const struct config *before = vfiod.config;
	char place[128];

	write_conf("warm-devices = 0\n\nrule \"a\" {\n	color = \"red\"\n}\n");
	snprintf(place, sizeof(place), "%s:4: ", conf_path);
	ask_reload(&admin);
	finish_reload();
	expect_error(&admin, VFIOD_RELOAD, COOKIE, EINVAL, place);
	ck_assert_ptr_eq(vfiod.config, before);
	unlink(conf_path);
	ask_reload(&admin);
	finish_reload();
	expect_error(&admin, VFIOD_RELOAD, COOKIE, ENOENT, conf_path);
	ck_assert_ptr_eq(vfiod.config, before);
	ck_assert_str_eq(vfiod.config->rules[0].name, "all");
}
END_TEST

START_TEST(leases_go_on_under_their_terms_when_their_rule_has_gone)
{
	lease_to(first, getuid(), 5);
	first->lease.by_handles = true;
	terms_set(&vfiod, first);
	terms_begin(&vfiod, first, NULL);
	write_conf("");
	ask_reload(&admin);
	finish_reload();
	expect_reloaded(&admin, 0);
	ck_assert_int_eq(first->state, VFIOD_LEASED);
	ck_assert_uint_eq(first->lease.id, 5);
	ck_assert_ptr_nonnull(first->lease.term);
	ck_assert_ptr_null(first->lease.deadline);
	expect_nothing(&client);
	lease_end(&vfiod, first, 0, NULL);
}
END_TEST

/* The file is a pipe: a worker that reads it waits until the test writes. */
static void hold_conf(void)
{
	ck_assert_int_eq(unlink(conf_path), 0);
	ck_assert_int_eq(mkfifo(conf_path, 0600), 0);
}

START_TEST(what_changes_while_it_is_read_is_read_after_that)
{
	struct proto_conn other = greet(admin_path);

	hold_conf();
	ask_reload(&admin);
	let_it_run();
	ask_reload(&other);
	reload_start(&vfiod);
	let_it_run();
	expect_nothing(&admin);
	write_conf("");
	while (vfiod.config->rule_count)
		ck_assert_int_eq(event_base_loop(vfiod.base, EVLOOP_ONCE), 0);
	expect_reloaded(&admin, 0);
	expect_nothing(&other);
	ck_assert_ptr_nonnull(vfiod.reload);
	write_conf(ONE_RULE);
	finish_reload();
	expect_reloaded(&other, 1);
	ck_assert_uint_eq(vfiod.config->rule_count, 1);
	close(other.fd);
}
END_TEST

START_TEST(a_reload_goes_on_when_the_administrator_has_gone)
{
	struct proto_conn others[] = { greet(admin_path), greet(admin_path) };

	hold_conf();
	ask_reload(&others[0]);
	ask_reload(&others[1]);
	let_it_run();
	ck_assert_ptr_nonnull(vfiod.reload);
	close(others[0].fd);
	close(others[1].fd);
	let_it_run();
	write_conf("");
	while (vfiod.config->rule_count)
		ck_assert_int_eq(event_base_loop(vfiod.base, EVLOOP_ONCE), 0);
	write_conf(""); /* for the second of them */
	finish_reload();
	ck_assert_uint_eq(vfiod.config->rule_count, 0);
}
END_TEST

START_TEST(a_reload_is_the_administrators)
{
	ask_reload(&client);
	let_it_run();
	expect_error(&client, VFIOD_RELOAD, COOKIE, EACCES, "admin.sock");
	ck_assert_ptr_null(vfiod.reload);
}
END_TEST

START_TEST(a_reload_that_ends_after_the_daemon_was_told_to_changes_nothing)
{
	hold_conf();
	ask_reload(&admin);
	let_it_run();
	vfiod.stopping = true;
	write_conf("");
	finish_reload();
	ck_assert_uint_eq(vfiod.config->rule_count, 1);
	vfiod.stopping = false;
}
END_TEST

/* ---- what is kept over reboots ---- */

#define ABSENT 0xfffffffe0100ull

static void keep(uint64_t address)
{
	const struct journal_record record = {
		.address = address,
		.state = VFIOD_FREE,
		.identity = { .vendor = 0x1b36, .device = 0x0010 },
		.owner = { getuid(), VFIOD_NONE },
		.lease.deadline_ms = JOURNAL_NO_TIME,
	};
	struct failure failure;

	ck_assert_int_eq(kept_write(vfiod.state_dir, &record, &failure), 0);
}

static void set_up_kept(void)
{
	static char state_dir[sizeof(pub_path) + 8];

	set_up();
	snprintf(state_dir, sizeof(state_dir), "%s", pub_path);
	*strstr(state_dir, "/" VFIOD_PUB_SOCKET) = '\0';
	strcat(state_dir, "/state");
	vfiod.state_dir = state_dir;
	first->state = VFIOD_UNMANAGED;
	first->owner.uid = VFIOD_NONE;
	second->state = VFIOD_UNMANAGED;
	keep(ABSENT);
	keep(FIRST);
	ck_assert_int_eq(kept_new(state_dir, &vfiod.kept), 0);
}

static void tear_down_kept(void)
{
	kept_free(vfiod.kept);
	tear_down();
}

static void let_workers_end(void)
{
	while (workers_busy(vfiod.workers))
		event_base_loop(vfiod.base, EVLOOP_ONCE);
	let_it_run();
}

static size_t count_kept(void)
{
	struct kept *kept;
	size_t count;

	ck_assert_int_eq(kept_new(vfiod.state_dir, &kept), 0);
	kept_list(kept, &count);
	kept_free(kept);
	return count;
}

START_TEST(a_function_that_is_assigned_and_not_there_is_said_to_be_so)
{
	ask_assign(&admin, ABSENT, COOKIE);
	expect_error(&admin, VFIOD_ASSIGN, COOKIE, ENODEV, "is taken when it appears");
}
END_TEST

START_TEST(the_assignment_of_a_function_that_the_host_has_or_that_is_not_there_can_be_ended)
{
	uint64_t address = _i ? ABSENT : FIRST;

	ck_assert_uint_eq(count_kept(), 2);
	ask_unassign(&admin, address, 1);
	let_workers_end();
	receive(&admin, VFIOD_UNASSIGN, 1);
	ck_assert_uint_eq(msg.flags, VFIOD_REPLY);
	ck_assert_uint_eq(count_kept(), 1);
	ck_assert_ptr_null(kept_find(vfiod.kept, address));
	ask_unassign(&admin, address, 2);
	expect_error(&admin, VFIOD_UNASSIGN, 2, _i ? ENODEV : EINVAL, _i ? "no PCI function" : "not assigned");
}
END_TEST

START_TEST(what_is_kept_of_a_function_is_gone_before_it_is_assigned_anew)
{
	struct proto_conn other = greet(admin_path);

	ask_unassign(&admin, FIRST, 1);
	ask_assign(&other, FIRST, 2);
	while (!first->forgetting || TAILQ_EMPTY(&first->waiting))
		event_base_loop(vfiod.base, EVLOOP_ONCE);
	if (_i)
		daemon_device_gone(&vfiod, first); /* while a worker has it */
	let_workers_end();
	receive(&admin, VFIOD_UNASSIGN, 1);
	ck_assert_uint_eq(msg.flags, VFIOD_REPLY);
	/* it is not really there: that is how far it comes */
	expect_error(&other, VFIOD_ASSIGN, 2, ENODEV, _i ? "no PCI function" : "just been unplugged");
	ck_assert_uint_eq(count_kept(), 1);
	if (!_i)
		ck_assert(!first->forgetting);
	close(other.fd);
}
END_TEST

START_TEST(a_function_that_cannot_be_taken_again_stays_the_hosts_and_says_why)
{
	assign_appeared(&vfiod, first);
	let_workers_end();
	ck_assert_int_eq(first->state, VFIOD_UNMANAGED);
	ck_assert_uint_eq(first->owner.uid, VFIOD_NONE);
	ck_assert_msg(strstr(first->reason, "not assigned again: "), "%s", first->reason);
	ck_assert(!first->returns && !vfiod.returning);
	ck_assert_ptr_nonnull(kept_find(vfiod.kept, FIRST));
}
END_TEST

START_TEST(another_device_under_the_address_is_not_assigned_and_says_so)
{
	first->facts.subsystem_device = 1;
	assign_appeared(&vfiod, first);
	let_workers_end();
	ck_assert_int_eq(first->state, VFIOD_UNMANAGED);
	ck_assert_msg(strstr(first->reason, "another device"), "%s", first->reason);
	ck_assert(!first->returns);
}
END_TEST

START_TEST(a_function_is_taken_again_when_nobody_has_its_group_any_more)
{
	second->state = VFIOD_REVOKING;
	assign_appeared(&vfiod, first);
	ck_assert(first->returns);
	ck_assert_str_eq(first->reason, "");
	settle(second, VFIOD_UNMANAGED);
	ck_assert(!first->returns); /* it is not really there, so that is how far it comes */
	ck_assert_msg(strstr(first->reason, "not assigned again: "), "%s", first->reason);
}
END_TEST

START_TEST(what_is_unplugged_does_not_wait_to_be_taken_again)
{
	second->state = VFIOD_REVOKING;
	assign_appeared(&vfiod, first);
	daemon_device_gone(&vfiod, first);
	ck_assert_uint_eq(vfiod.returning, 0);
	settle(second, VFIOD_UNMANAGED);
}
END_TEST

/* ---- virtual functions ---- */

/* Of FIRST, which is the host's; second is one of them, and there is another one. */
static struct device *third;

static const struct journal_vfs four = {
	.count = 4,
	.token = { true, { 1, 2, 3 } },
	.pool = "nics",
};

static void keep_vfs(void)
{
	const struct journal_record record = {
		.address = FIRST,
		.state = VFIOD_UNMANAGED,
		.identity = { .vendor = 0x1b36, .device = 0x0010 },
		.owner = { VFIOD_NONE, getgid() },
		.lease.deadline_ms = JOURNAL_NO_TIME,
		.vfs = { .count = 4, .phase = JOURNAL_VFS_THERE, .pool = "nics" },
	};
	struct failure failure;

	ck_assert_int_eq(kept_write(vfiod.state_dir, &record, &failure), 0);
	kept_note(vfiod.kept, &record);
}

static void adopt(enum journal_vfs_phase phase)
{
	struct journal_record record = { .owner = { VFIOD_NONE, getgid() }, .vfs = four };

	record.vfs.phase = phase;
	sriov_adopt(first, &record);
}

static void set_up_vfs(void)
{
	set_up_kept();
	keep_vfs();
	third = put(THIRD);
	for (uint64_t address = SECOND; address <= THIRD; address++) {
		struct device *vf = devices_find(&vfiod.devices, address);

		vf->state = VFIOD_FREE;
		vf->owner = (struct owner){ VFIOD_NONE, getgid() };
		vf->facts.group = (uint32_t)(GROUP + address - FIRST);
		vf->facts.is_virtual = true;
		vf->facts.physical_function = FIRST;
	}
	no_rules.revoke_grace = 5;
}

static void tear_down_vfs(void)
{
	no_rules.revoke_grace = 0;
	tear_down_kept();
}

static void ask_vfs(uint64_t address, uint32_t count, const char *name)
{
	struct vfiod_assign_vfs_req body = { .address = htole64(address),
					     .gid = htole32(VFIOD_NONE),
					     .vfs = htole32(count) };

	memcpy(body.pool, name, strnlen(name, sizeof(body.pool)));
	ask(&admin, VFIOD_ASSIGN_VFS, COOKIE, &body, sizeof(body));
}

START_TEST(what_makes_no_sense_of_virtual_functions_is_refused)
{
	struct vfiod_assign_vfs_req body = { .address = htole64(FIRST), .vfs = htole32(1) };

	ask(&admin, VFIOD_ASSIGN_VFS, COOKIE, &body, sizeof(body));
	expect_error(&admin, VFIOD_ASSIGN_VFS, COOKIE, EINVAL, "either a user or a group");
	ask_vfs(FIRST, 0, "");
	expect_error(&admin, VFIOD_ASSIGN_VFS, COOKIE, EINVAL, "1 to 65535 virtual functions, not 0");
	ask_vfs(FIRST, 65536, "");
	expect_error(&admin, VFIOD_ASSIGN_VFS, COOKIE, EINVAL, "not 65536");
	ask_vfs(FIRST, 1, "a b");
	expect_error(&admin, VFIOD_ASSIGN_VFS, COOKIE, EINVAL, "is no name of a pool");
	ask_vfs(FIRST, 1, "0123456789abcdef0123456789abcdef");
	expect_error(&admin, VFIOD_ASSIGN_VFS, COOKIE, EINVAL, "at most 31 bytes");
	ask_vfs(ABSENT + 1, 1, "");
	expect_error(&admin, VFIOD_ASSIGN_VFS, COOKIE, ENODEV, "no PCI function");
	ask_vfs(SECOND, 1, "");
	expect_error(&admin, VFIOD_ASSIGN_VFS, COOKIE, EINVAL, "is a virtual function itself");
	ask(&client, VFIOD_ASSIGN_VFS, COOKIE, &body, sizeof(body));
	expect_error(&client, VFIOD_ASSIGN_VFS, COOKIE, EACCES, "administrator");
}
END_TEST

START_TEST(a_function_that_is_assigned_itself_gets_no_virtual_ones)
{
	second->facts.is_virtual = false;
	ask_vfs(SECOND, 1, "");
	expect_error(&admin, VFIOD_ASSIGN_VFS, COOKIE, EBUSY, "is assigned itself");
	lease_to(second, 4000, 5);
	ask_vfs(SECOND, 1, "");
	expect_error(&admin, VFIOD_ASSIGN_VFS, COOKIE, EBUSY, "leased to user 4000");
	keep(FIRST);
	kept_note(vfiod.kept, &(struct journal_record){ .address = FIRST, .state = VFIOD_FREE });
	ask_vfs(FIRST, 1, "");
	expect_error(&admin, VFIOD_ASSIGN_VFS, COOKIE, EBUSY, "is assigned itself");
}
END_TEST

START_TEST(a_function_that_has_none_to_offer_stays_as_it_was)
{
	ask_vfs(FIRST, 4, "nics");
	let_workers_end();
	expect_error(&admin, VFIOD_ASSIGN_VFS, COOKIE, EOPNOTSUPP, "no SR-IOV capability");
	ck_assert_ptr_null(first->set);
	ck_assert_uint_eq(vfiod.changing_sets, 0);
	ck_assert_str_eq(first->reason, "");
	ck_assert(!first->left_to_host);
}
END_TEST

START_TEST(virtual_functions_go_to_one_owner_together_and_back)
{
	adopt(JOURNAL_VFS_THERE);
	ask_assign(&admin, SECOND, 1);
	expect_error(&admin, VFIOD_ASSIGN, 1, EBUSY, "go to one owner and back together");
	ask_unassign(&admin, SECOND, 2);
	expect_error(&admin, VFIOD_UNASSIGN, 2, EBUSY, "vfioctl release ");
	ask_assign(&admin, FIRST, 3);
	expect_error(&admin, VFIOD_ASSIGN, 3, EBUSY, "has virtual functions that vfiod has made");
	ask_vfs(FIRST, 1, "");
	expect_error(&admin, VFIOD_ASSIGN_VFS, COOKIE, EBUSY, "has virtual functions that vfiod has made");
	ck_assert_int_eq(second->state, VFIOD_FREE);
}
END_TEST

START_TEST(the_list_tells_whose_virtual_functions_are_whose_and_that_they_are_in_their_pool)
{
	const struct vfiod_members_req body = { .max = htole32(VFIOD_MEMBERS_MAX) };
	const struct vfiod_list_rep *rep = proto_msg_body(&msg);
	const struct vfiod_members_rep *members = proto_msg_body(&msg);

	adopt(JOURNAL_VFS_THERE);
	ask_list(&client, COOKIE);
	receive(&client, VFIOD_LIST, COOKIE);
	ck_assert_uint_eq(le32toh(rep->count), 3);
	ck_assert_uint_eq(le32toh(rep->devices[0].flags) & (VFIOD_DEVICE_VIRTUAL | VFIOD_DEVICE_HAS_VFS),
			  VFIOD_DEVICE_HAS_VFS);
	ck_assert_uint_eq(le32toh(rep->devices[0].state), VFIOD_UNMANAGED);
	ck_assert_uint_eq(le32toh(rep->devices[0].owner_gid), VFIOD_NONE);
	ck_assert_uint_eq(le32toh(rep->devices[1].flags) & (VFIOD_DEVICE_VIRTUAL | VFIOD_DEVICE_HAS_VFS),
			  VFIOD_DEVICE_VIRTUAL);
	ck_assert_uint_eq(le32toh(rep->devices[1].physical), FIRST & 0xffff);
	ask(&client, VFIOD_MEMBERS, COOKIE, &body, sizeof(body));
	receive(&client, VFIOD_MEMBERS, COOKIE);
	ck_assert_uint_eq(le32toh(members->count), 2);
	ck_assert_uint_eq(le64toh(members->members[0].address), SECOND);
	ck_assert_str_eq(members->members[0].pool, "nics");
}
END_TEST

START_TEST(nobody_gets_a_virtual_function_while_they_are_made_or_removed)
{
	static const char *const words[] = { "being made", "being removed" };

	adopt(_i ? JOURNAL_VFS_LEAVING : JOURNAL_VFS_MAKING);
	ask_acquire(&client, SECOND, COOKIE);
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, EBUSY, words[_i]);
	ask_unassign(&admin, FIRST, COOKIE);
	expect_error(&admin, VFIOD_UNASSIGN, COOKIE, EBUSY, words[_i]);
}
END_TEST

START_TEST(the_token_is_for_functions_of_the_kernels_driver_and_for_no_client)
{
	const struct vfiod_acquire_req body = { .address = htole64(SECOND), .mode = htole32(VFIOD_MODE_GROUP) };
	struct vfio_token token;

	ck_assert(!sriov_token(second).is);
	adopt(JOURNAL_VFS_THERE);
	token = sriov_token(second);
	ck_assert(token.is);
	ck_assert_mem_eq(token.bytes, four.token.bytes, sizeof(token.bytes));
	ck_assert(!sriov_token(first).is);
	ask(&client, VFIOD_ACQUIRE, COOKIE, &body, sizeof(body));
	expect_error(&client, VFIOD_ACQUIRE, COOKIE, EOPNOTSUPP, "the VF token, which vfiod tells nobody");
	second->facts.strict = true;
	ck_assert(!sriov_token(second).is);
}
END_TEST

START_TEST(what_cannot_be_taken_back_is_not_begun_to_be_removed)
{
	adopt(JOURNAL_VFS_THERE);
	lease_to(third, 4000, 5);
	ask_unassign(&admin, FIRST, COOKIE);
	expect_error(&admin, VFIOD_UNASSIGN, COOKIE, EBUSY, "leased to user 4000 (asked for by process 12345)");
	ck_assert_uint_eq(vfiod.changing_sets, 0);
	ck_assert_int_eq(second->state, VFIOD_FREE);
	ck_assert_int_eq(third->state, VFIOD_LEASED);
}
END_TEST

START_TEST(before_they_are_given_back_their_leases_end)
{
	adopt(JOURNAL_VFS_THERE);
	lease_to(second, 4000, 5);
	lease_to(third, 4001, 6);
	second->lease.by_handles = third->lease.by_handles = true;
	ask_unassign(&admin, FIRST, COOKIE);
	ck_assert_ptr_nonnull(second->lease.deadline);
	ck_assert_ptr_nonnull(third->lease.deadline);
	second->state = VFIOD_REVOKING;
	lease_end(&vfiod, second, 0, NULL);
	settle(second, VFIOD_FREE);
	ck_assert_int_eq(second->state, VFIOD_FREE); /* the other one's lasts still */
	expect_nothing(&admin);
	third->state = VFIOD_REVOKING;
	lease_end(&vfiod, third, 0, NULL);
	settle(third, VFIOD_FREE);
	let_workers_end();
	/* it is not really there, so it cannot be given back; and then the rest stays, too */
	expect_error(&admin, VFIOD_UNASSIGN, COOKIE, ENOENT, "could not be taken from");
	ck_assert_int_eq(second->state, VFIOD_QUARANTINED);
	ck_assert_int_eq(third->state, VFIOD_FREE);
	ck_assert_uint_eq(vfiod.changing_sets, 0);
	ck_assert_ptr_nonnull(first->set);
	ck_assert_ptr_nonnull(strstr(first->reason, "could not be removed"));
}
END_TEST

START_TEST(when_all_are_given_back_they_are_removed_and_kept_no_longer)
{
	adopt(JOURNAL_VFS_THERE);
	second->state = third->state = VFIOD_UNMANAGED;
	ck_assert_uint_eq(count_kept(), 2);
	ask_unassign(&admin, FIRST, COOKIE);
	let_workers_end();
	receive(&admin, VFIOD_UNASSIGN, COOKIE);
	ck_assert_uint_eq(msg.flags, VFIOD_REPLY);
	ck_assert_ptr_null(first->set);
	ck_assert_uint_eq(vfiod.changing_sets, 0);
	ck_assert_ptr_null(devices_find(&vfiod.devices, SECOND));
	ck_assert_ptr_null(devices_find(&vfiod.devices, THIRD));
	ck_assert_uint_eq(count_kept(), 1);
	ck_assert_ptr_null(kept_find(vfiod.kept, FIRST));
}
END_TEST

START_TEST(what_a_vfiod_before_was_about_is_ended)
{
	adopt(_i ? JOURNAL_VFS_LEAVING : JOURNAL_VFS_MAKING);
	second->state = third->state = VFIOD_UNMANAGED;
	sriov_resume(first, NULL);
	sriov_go_on(&vfiod);
	let_workers_end();
	ck_assert_ptr_null(first->set);
	ck_assert_uint_eq(vfiod.changing_sets, 0);
	ck_assert_uint_eq(vfiod.devices.count, 1);
	ck_assert(!first->left_to_host);
}
END_TEST

START_TEST(what_is_kept_and_cannot_be_made_again_is_left_to_the_host_and_says_why)
{
	if (_i) { /* a vfiod before had begun with it, or nobody */
		adopt(JOURNAL_VFS_MAKING);
		second->state = third->state = VFIOD_UNMANAGED;
		sriov_resume(first, kept_find(vfiod.kept, FIRST));
		let_workers_end();
		ck_assert(first->left_to_host);
		ck_assert_ptr_nonnull(strstr(first->reason, "its virtual functions are not made again: "));
	} else {
		assign_appeared(&vfiod, first);
		ck_assert_str_eq(first->reason, "its virtual functions are made again when it has a driver");
		ck_assert(!sriov_waits(first));
		strcpy(first->facts.driver, "igb");
		ck_assert(sriov_waits(first));
	}
	ck_assert_ptr_null(first->set);
	ck_assert_uint_eq(vfiod.changing_sets, 0);
	ck_assert_ptr_nonnull(kept_find(vfiod.kept, FIRST));
	ck_assert_uint_eq(count_kept(), 2);
}
END_TEST

START_TEST(a_virtual_function_stays_one_when_its_link_to_the_physical_one_has_gone)
{
	struct facts facts = second->facts;

	adopt(JOURNAL_VFS_THERE);
	facts.is_virtual = false;
	facts.physical_function = 0;
	strcpy(facts.path, "0000:00:01.0/00.1");
	ck_assert_int_eq(devices_put(&vfiod.devices, &facts), 0);
	ck_assert(second->facts.is_virtual);
	ck_assert_uint_eq(second->facts.physical_function, FIRST);
	ck_assert_str_eq(second->facts.path, "");
}
END_TEST

/* F38 */
START_TEST(virtual_functions_that_somebody_else_removes_are_missed_and_not_made_again)
{
	adopt(JOURNAL_VFS_THERE);
	lease_to(second, 4000, 5);
	daemon_device_gone(&vfiod, second);
	ck_assert_str_eq(first->reason, "somebody has removed 3 of its 4 virtual functions");
	ck_assert(!first->left_to_host);
	ck_assert_ptr_nonnull(first->set);
	daemon_device_gone(&vfiod, third);
	ck_assert_ptr_null(first->set);
	ck_assert_str_eq(first->reason,
			 "somebody has removed its virtual functions; they are made again after the next boot");
	ck_assert(first->left_to_host);
	ck_assert(!sriov_waits(first));
	ask_unassign(&admin, FIRST, COOKIE);
	let_workers_end();
	receive(&admin, VFIOD_UNASSIGN, COOKIE);
	ck_assert_uint_eq(count_kept(), 1);
}
END_TEST

START_TEST(the_removal_of_virtual_functions_ends_with_their_physical_one)
{
	adopt(JOURNAL_VFS_THERE);
	lease_to(second, 4000, 5);
	second->lease.by_handles = true;
	ask_unassign(&admin, FIRST, COOKIE);
	daemon_device_gone(&vfiod, first);
	expect_error(&admin, VFIOD_UNASSIGN, COOKIE, ENODEV, "was unplugged");
	ck_assert_uint_eq(vfiod.changing_sets, 0);
	daemon_device_gone(&vfiod, second);
	daemon_device_gone(&vfiod, third);
	ck_assert_uint_eq(vfiod.devices.count, 0);
}
END_TEST

static TCase *case_of(const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	return tcase;
}

static TCase *at_once_case(void)
{
	TCase *tcase = case_of("at once");

	tcase_add_test(tcase, a_leased_function_is_refused_with_its_holder);
	tcase_add_test(tcase, a_leased_function_is_neither_assigned_nor_given_back);
	tcase_add_test(tcase, a_quarantined_function_is_refused_with_the_reason_and_what_to_do);
	tcase_add_test(tcase, only_what_is_quarantined_is_cleared);
	tcase_add_test(tcase, what_has_left_its_vfio_driver_is_not_cleared);
	tcase_add_test(tcase, a_function_whose_group_is_leased_is_refused_with_the_sibling_and_its_holder);
	tcase_add_test(tcase, a_function_is_not_leased_beside_one_of_its_group_in_quarantine);
	tcase_add_loop_test(tcase, a_stranger_is_refused_at_once_in_every_state, 0, 7);
	tcase_add_test(tcase, the_mode_that_is_asked_for_has_to_be_one_of_the_rule);
	tcase_add_loop_test(tcase, leases_that_a_user_has_under_the_rule_count_against_its_next_one_in_every_state, 0,
			    3);
	tcase_add_loop_test(tcase, leases_of_other_users_and_of_other_rules_and_of_fewer_than_allowed_do_not_count, 0,
			    3);
	tcase_add_test(tcase, the_lease_of_a_function_that_is_being_cleaned_does_not_count_against_its_own_next_one);
	tcase_add_test(tcase, a_function_that_went_between_request_and_look_is_refused);
	tcase_add_test(tcase, the_list_tells_state_and_owner_and_holder);
	tcase_add_test(tcase, a_companion_is_had_by_nobody_and_says_what_it_goes_along_with);
	tcase_add_test(tcase, the_list_tells_whose_a_companion_is);
	tcase_add_test(tcase, a_companion_is_the_hosts_again_when_what_it_went_along_with_is_unplugged);
	tcase_add_test(tcase, why_two_functions_share_a_group_is_told);
	tcase_add_test(tcase, the_list_tells_the_driver_of_now_and_not_of_then);
	tcase_add_test(tcase, a_list_of_more_than_a_message_holds_is_cut_at_a_record);
	return tcase;
}

static TCase *waiting_case(void)
{
	TCase *tcase = case_of("waiting");

	tcase_add_loop_test(tcase, a_request_waits_for_the_worker_and_is_answered_once, 0, 4);
	tcase_add_loop_test(tcase, a_request_waits_for_the_worker_of_a_sibling, 0, 4);
	tcase_add_test(tcase, a_request_that_waited_waits_again_where_another_worker_has_begun);
	tcase_add_test(tcase, requests_that_wait_are_answered_in_their_order);
	tcase_add_test(tcase, the_next_request_of_a_client_is_read_when_the_one_before_is_answered);
	tcase_add_test(tcase, others_are_served_while_a_request_waits);
	tcase_add_test(tcase, a_request_that_waits_goes_with_its_client);
	tcase_add_test(tcase, a_request_that_waits_goes_with_a_client_that_has_only_stopped_to_send);
	tcase_add_test(tcase, a_request_that_waits_goes_with_a_client_that_leaves_an_answer_unread);
	tcase_add_test(tcase, a_request_that_waits_goes_with_a_client_that_has_sent_another_one);
	tcase_add_test(tcase, a_client_that_sends_while_its_request_waits_keeps_nobody_busy);
	tcase_add_test(tcase, a_request_that_waits_is_refused_when_its_function_is_unplugged);
	tcase_add_test(tcase, a_request_that_waits_for_a_sibling_goes_on_when_that_is_unplugged);
	tcase_add_test(tcase, the_end_of_the_server_takes_the_requests_that_wait_along);
	return tcase;
}

static TCase *release_case(void)
{
	TCase *tcase = case_of("release");

	tcase_add_test(tcase, the_lease_of_another_user_cannot_be_released);
	tcase_add_test(tcase, a_lease_that_was_never_given_cannot_be_released);
	tcase_add_test(tcase, a_release_is_answered_when_the_lease_ends);
	tcase_add_test(tcase, a_release_is_answered_when_the_function_is_unplugged);
	tcase_add_test(tcase, a_second_release_of_the_same_lease_is_refused);
	tcase_add_test(tcase, a_release_goes_with_its_client_and_the_lease_stays);
	tcase_add_test(tcase, a_release_with_files_that_stay_open_is_refused_after_a_while);
	tcase_add_test(tcase, the_end_of_the_server_takes_a_release_along);
	return tcase;
}

/* As a worker that has opened a function for the request that waits for it. */
static void grant_what_waits(struct device *device, int fd)
{
	const struct vfiod_acquire_rep rep = { .lease = htole64(7), .mode = htole32(VFIOD_MODE_CONTAINER) };
	struct request *request = TAILQ_FIRST(&device->waiting);

	ck_assert_ptr_nonnull(request);
	TAILQ_REMOVE(&device->waiting, request, next);
	request->waits_for = NULL;
	request_reply(request, &rep, sizeof(rep), (int[]){ fd, fd }, 2);
}

START_TEST(who_has_not_taken_the_files_of_an_answer_gets_no_other_one)
{
	const char *why;

	first->state = VFIOD_GRANTING;
	ask_acquire(&client, FIRST, 1);
	grant_what_waits(first, client.fd);
	ask_list(&client, 2);
	/* however often it is looked at */
	for (int i = 0; i < 3; i++)
		event_base_loop(vfiod.base, EVLOOP_ONCE);
	ck_assert_int_eq(proto_conn_recv(&client, &msg, VFIOD_FDS_MAX, &why), 0);
	ck_assert_uint_eq(msg.fd_count, 2);
	proto_msg_close_fds(&msg);
	expect_nothing(&client);
	event_base_loop(vfiod.base, EVLOOP_ONCE);
	let_it_run();
	receive(&client, VFIOD_LIST, 2);
}
END_TEST

START_TEST(who_takes_the_files_of_an_answer_is_answered_at_once)
{
	const char *why;

	first->state = VFIOD_GRANTING;
	ask_acquire(&client, FIRST, 1);
	grant_what_waits(first, client.fd);
	ck_assert_int_eq(proto_conn_recv(&client, &msg, VFIOD_FDS_MAX, &why), 0);
	proto_msg_close_fds(&msg);
	let_it_run();
	ask_list(&client, 2);
	receive(&client, VFIOD_LIST, 2);
}
END_TEST

START_TEST(events_that_nobody_reads_are_no_answer_that_nobody_reads)
{
	struct proto_conn other, deaf;
	uint64_t serial;

	no_rules.quotas.client_timeout = 1;
	other = greet(pub_path);
	serial = newest_serial();
	for (int i = 0; i < 5; i++)
		tell(serial);
	/* one that is let go, after the first might have been */
	deaf = greet(pub_path);
	ask_list(&deaf, COOKIE);
	while (server_client(vfiod.server, serial + 1))
		event_base_loop(vfiod.base, EVLOOP_ONCE);
	ck_assert_ptr_nonnull(server_client(vfiod.server, serial));
	/* an answer in front of events is read as well as one without */
	ask_list(&other, COOKIE);
	tell(serial);
	for (int i = 0; i < 5; i++)
		expect_event(&other);
	receive(&other, VFIOD_LIST, COOKIE);
	close(deaf.fd);
	deaf = greet(pub_path);
	ask_list(&deaf, COOKIE);
	while (server_client(vfiod.server, serial + 2))
		event_base_loop(vfiod.base, EVLOOP_ONCE);
	ck_assert_ptr_nonnull(server_client(vfiod.server, serial));
	close(deaf.fd);
	close(other.fd);
}
END_TEST

static TCase *events_case(void)
{
	TCase *tcase = case_of("events");

	tcase_add_test(tcase, a_connection_is_found_by_its_number_until_it_is_gone_and_no_other_has_it_after);
	tcase_add_test(tcase, an_event_comes_unasked_and_in_front_of_the_answer_that_is_due);
	tcase_add_loop_test(tcase, a_client_that_does_not_take_its_events_is_let_go_with_the_request_that_waits, 0, 2);
	tcase_add_test(tcase, an_event_to_a_client_that_has_just_gone_is_lost_and_no_harm);
	tcase_add_test(tcase, who_has_not_taken_the_files_of_an_answer_gets_no_other_one);
	tcase_add_test(tcase, who_takes_the_files_of_an_answer_is_answered_at_once);
	tcase_add_test(tcase, events_that_nobody_reads_are_no_answer_that_nobody_reads);
	return tcase;
}

static TCase *revoke_case(void)
{
	TCase *tcase = case_of("revoke");

	tcase_add_test(tcase, what_is_not_leased_by_handles_is_not_revoked);
	tcase_add_loop_test(tcase, a_revocation_is_announced_to_the_client_and_answered_when_the_lease_has_ended, 0, 2);
	tcase_add_test(tcase, a_second_revocation_of_the_same_lease_is_refused);
	tcase_add_test(tcase, a_revocation_that_waited_is_not_one_of_the_next_lease);
	tcase_add_test(tcase, a_revocation_goes_on_when_the_administrator_has_gone);
	return tcase;
}

static TCase *terms_case(void)
{
	TCase *tcase = case_of("terms");

	tcase_add_test(tcase, a_client_is_told_how_long_its_lease_lasts_and_when_that_is_over);
	tcase_add_test(tcase, a_lease_that_goes_on_over_a_restart_has_the_time_that_is_left);
	tcase_add_test(tcase, after_a_restart_the_process_that_asked_for_a_lease_is_watched_if_there_still_is_one);
	tcase_add_test(tcase, a_lease_whose_time_is_over_before_it_is_granted_ends_soon_after);
	tcase_add_test(tcase, what_was_announced_to_end_is_not_announced_again_when_its_time_is_over);
	tcase_add_test(tcase, of_two_ends_that_are_announced_the_earlier_counts);
	tcase_add_test(tcase, a_lease_that_has_ended_is_not_ended_again);
	tcase_add_test(tcase, a_client_of_version_2_is_not_told_of_times_nor_is_one_without_any);
	tcase_add_test(tcase, a_lease_for_a_time_is_refused_where_it_could_not_be_taken_back);
	tcase_add_test(tcase, the_process_of_a_client_may_lock_what_its_rule_says_until_the_lease_ends);
	return tcase;
}

static TCase *pool_case(void)
{
	TCase *tcase = tcase_create("pools");

	tcase_add_checked_fixture(tcase, set_up_pool, tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, of_a_pool_the_first_free_one_is_given);
	tcase_add_test(tcase, of_a_pool_one_that_is_open_already_is_given_first);
	tcase_add_test(tcase, of_a_pool_the_free_one_nearest_to_the_node_is_given);
	tcase_add_test(tcase, a_pool_that_is_not_there_or_has_a_name_that_does_not_end_is_refused);
	tcase_add_test(tcase, of_a_pool_in_which_all_are_taken_the_refusal_that_is_nearest_to_a_grant_is_told);
	tcase_add_test(tcase, whoever_asks_for_one_of_a_pool_waits_for_one_that_is_being_cleaned_if_none_is_free);
	tcase_add_test(tcase, who_asked_in_vain_comes_before_who_has_more);
	tcase_add_test(tcase, who_could_have_one_by_asking_for_something_else_has_no_claim);
	tcase_add_test(tcase, a_claim_on_one_owners_functions_is_none_on_anothers);
	tcase_add_test(tcase, who_gets_one_of_a_pool_has_no_claim_any_more);
	tcase_add_test(tcase, to_ask_why_is_no_claim_and_changes_nothing);
	tcase_add_loop_test(tcase, the_members_of_pools_are_told_page_by_page, 0, 2);
	tcase_add_loop_test(tcase, why_says_who_can_change_it, 0, 9);
	tcase_add_test(tcase, a_lease_that_can_be_taken_back_is_the_administrators_to_change_too);
	tcase_add_loop_test(tcase, what_acquire_does_why_has_said, 0, 5);
	return tcase;
}

static TCase *reload_case(void)
{
	TCase *tcase = tcase_create("reload");

	tcase_add_checked_fixture(tcase, set_up_reload, tear_down_reload);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_configuration_that_was_read_anew_counts_from_then_on);
	tcase_add_test(tcase, a_broken_configuration_changes_nothing_and_the_mistake_is_told_with_its_line);
	tcase_add_test(tcase, leases_go_on_under_their_terms_when_their_rule_has_gone);
	tcase_add_test(tcase, what_changes_while_it_is_read_is_read_after_that);
	tcase_add_test(tcase, a_reload_goes_on_when_the_administrator_has_gone);
	tcase_add_test(tcase, a_reload_is_the_administrators);
	tcase_add_test(tcase, a_reload_that_ends_after_the_daemon_was_told_to_changes_nothing);
	return tcase;
}

static TCase *function_events_case(void)
{
	TCase *tcase = tcase_create("what happens to functions");

	tcase_add_checked_fixture(tcase, set_up_node, tear_down_node);
	tcase_add_test(tcase, the_client_is_told_what_happens_to_its_function);
	tcase_add_test(tcase, events_that_come_at_once_are_told_in_their_order);
	tcase_add_loop_test(tcase, the_clients_answer_goes_to_the_kernel, 0, 3);
	tcase_add_test(tcase, an_answer_counts_once);
	tcase_add_test(tcase, an_answer_to_what_was_not_asked_is_refused);
	tcase_add_test(tcase, an_answer_is_taken_from_the_connection_that_has_the_lease_alone);
	tcase_add_test(tcase, an_answer_that_the_kernel_does_not_take_is_refused);
	tcase_add_loop_test(tcase, without_a_client_that_can_answer_the_kernel_has_its_answer_at_once, 0,
			    WITHOUT_A_CLIENT);
	tcase_add_test(tcase, a_client_of_version_1_is_not_told);
	tcase_add_loop_test(tcase, what_the_client_leaves_unanswered_is_answered_when_it_goes, 0, DEPARTURES);
	tcase_add_test(tcase, a_question_that_nobody_knows_is_answered_and_not_told);
	tcase_add_loop_test(tcase, an_error_of_an_unknown_severity_is_told_as_the_worst, 0, 2);
	tcase_add_test(tcase, events_of_a_newer_module_may_be_longer);
	tcase_add_loop_test(tcase, a_stream_that_makes_no_sense_is_let_go_and_vfiod_goes_on, 0, 4);
	tcase_add_test(tcase, without_functions_of_the_strict_driver_its_node_is_let_go);
	return tcase;
}

static TCase *unplugged_case(void)
{
	TCase *tcase = case_of("unplugged");

	tcase_add_loop_test(tcase, a_function_that_is_unplugged_is_forgotten_in_every_state_but_a_busy_one, 0, 7);
	tcase_add_loop_test(tcase, a_busy_function_that_is_unplugged_is_forgotten_when_its_worker_has_ended, 0, 4);
	tcase_add_loop_test(tcase, a_lease_that_ends_by_an_unplug_or_in_quarantine_is_counted_as_that_alone, 0, 2);
	return tcase;
}

static TCase *kept_case(void)
{
	TCase *tcase = tcase_create("kept");

	tcase_add_checked_fixture(tcase, set_up_kept, tear_down_kept);
	tcase_add_test(tcase, a_function_that_is_assigned_and_not_there_is_said_to_be_so);
	tcase_add_loop_test(tcase, the_assignment_of_a_function_that_the_host_has_or_that_is_not_there_can_be_ended, 0,
			    2);
	tcase_add_loop_test(tcase, what_is_kept_of_a_function_is_gone_before_it_is_assigned_anew, 0, 2);
	tcase_add_test(tcase, a_function_that_cannot_be_taken_again_stays_the_hosts_and_says_why);
	tcase_add_test(tcase, another_device_under_the_address_is_not_assigned_and_says_so);
	tcase_add_test(tcase, a_function_is_taken_again_when_nobody_has_its_group_any_more);
	tcase_add_test(tcase, what_is_unplugged_does_not_wait_to_be_taken_again);
	return tcase;
}

static TCase *vfs_case(void)
{
	TCase *tcase = tcase_create("virtual functions");

	tcase_add_checked_fixture(tcase, set_up_vfs, tear_down_vfs);
	tcase_add_test(tcase, what_makes_no_sense_of_virtual_functions_is_refused);
	tcase_add_test(tcase, a_function_that_is_assigned_itself_gets_no_virtual_ones);
	tcase_add_test(tcase, a_function_that_has_none_to_offer_stays_as_it_was);
	tcase_add_test(tcase, virtual_functions_go_to_one_owner_together_and_back);
	tcase_add_test(tcase, the_list_tells_whose_virtual_functions_are_whose_and_that_they_are_in_their_pool);
	tcase_add_loop_test(tcase, nobody_gets_a_virtual_function_while_they_are_made_or_removed, 0, 2);
	tcase_add_test(tcase, the_token_is_for_functions_of_the_kernels_driver_and_for_no_client);
	tcase_add_test(tcase, what_cannot_be_taken_back_is_not_begun_to_be_removed);
	tcase_add_test(tcase, before_they_are_given_back_their_leases_end);
	tcase_add_test(tcase, when_all_are_given_back_they_are_removed_and_kept_no_longer);
	tcase_add_loop_test(tcase, what_a_vfiod_before_was_about_is_ended, 0, 2);
	tcase_add_loop_test(tcase, what_is_kept_and_cannot_be_made_again_is_left_to_the_host_and_says_why, 0, 2);
	tcase_add_test(tcase, a_virtual_function_stays_one_when_its_link_to_the_physical_one_has_gone);
	tcase_add_test(tcase, virtual_functions_that_somebody_else_removes_are_missed_and_not_made_again);
	tcase_add_test(tcase, the_removal_of_virtual_functions_ends_with_their_physical_one);
	return tcase;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(void)
{
	Suite *suite = suite_create("request");
	SRunner *runner;
	int failed;

	if (!mkdtemp(temporary_path(root, "request"))) {
		perror(root);
		return EXIT_FAILURE;
	}
	log_setup(true);
	suite_add_tcase(suite, at_once_case());
	suite_add_tcase(suite, waiting_case());
	suite_add_tcase(suite, release_case());
	suite_add_tcase(suite, events_case());
	suite_add_tcase(suite, revoke_case());
	suite_add_tcase(suite, terms_case());
	suite_add_tcase(suite, pool_case());
	suite_add_tcase(suite, reload_case());
	suite_add_tcase(suite, function_events_case());
	suite_add_tcase(suite, unplugged_case());
	suite_add_tcase(suite, kept_case());
	suite_add_tcase(suite, vfs_case());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	/* here, because a test that fails cleans up nothing */
	nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
