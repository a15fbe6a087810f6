/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/daemon.h"

#include "proto/address.h"
#include "vfiod/assign.h"
#include "vfiod/clock.h"
#include "vfiod/handles.h"
#include "vfiod/hotplug.h"
#include "vfiod/kept.h"
#include "vfiod/lease.h"
#include "vfiod/log.h"
#include "vfiod/pci_events.h"
#include "vfiod/reload.h"
#include "vfiod/request.h"
#include "vfiod/restore.h"
#include "vfiod/revoke.h"
#include "vfiod/saved.h"
#include "vfiod/seccomp.h"
#include "vfiod/server.h"
#include "vfiod/sriov.h"
#include "vfiod/step.h"
#include "vfiod/systemd.h"
#include "vfiod/warm.h"
#include "vfiod/watch.h"
#include "vfiod/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <libudev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>

struct options {
	struct config_source source;
	const char *runtime_dir, *state_dir;
	bool check_only;
	bool verbose;
};

/* ---- what the parts tell the daemon ---- */

int daemon_open_handles(struct daemon *daemon)
{
	return daemon->handles ? 0 : handles_new(daemon->base, lease_handle_changed, daemon, &daemon->handles);
}

bool daemon_handles(struct daemon *daemon)
{
	return !daemon_open_handles(daemon);
}

static void close_files(struct daemon *daemon, struct device *device)
{
	struct vfio_files files = warm_take(device);
	int fds[] = { files.device, files.group, files.container, files.iommufd, files.unplug };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			workers_close(daemon->workers, fds[i]);
}

/* For who looks for the end of a lease, too. */
static void end_unplugged(struct daemon *daemon, const struct device *device)
{
	const struct log_about about = {
		.device = &device->facts.address,
		.uid = &device->lease.uid,
		.lease = device->lease.id,
	};
	char text[PROTO_ADDRESS_LEN];

	metrics_count(&daemon->metrics, VFIOD_STAT_ENDS_UNPLUGGED);
	log_event(LOG_EVENT_UNPLUGGED, &about, "%s was unplugged while it was %s, lease %llu of user %u",
		  proto_address_format(device->facts.address, text), state_name(device->state),
		  (unsigned long long)device->lease.id, device->lease.uid);
}

void daemon_device_gone(struct daemon *daemon, struct device *device)
{
	bool is_virtual = device->facts.is_virtual;
	uint64_t physical_function = device->facts.physical_function;
	char text[PROTO_ADDRESS_LEN];

	if (state_step(device->state, EVENT_UNPLUG).verdict == STATE_WAIT || device->forgetting) {
		device->gone = true; /* its worker has it still: see daemon_settled() */
		return;
	}
	if (device->lease.id)
		end_unplugged(daemon, device);
	else if (device->state != VFIOD_UNMANAGED)
		log_event(LOG_EVENT_UNPLUGGED, &(struct log_about){ .device = &device->facts.address },
			  "%s was unplugged while it was %s", proto_address_format(device->facts.address, text),
			  state_name(device->state));
	daemon->orphans = daemon->orphans || device->state != VFIOD_UNMANAGED;
	step_take(daemon, device, EVENT_UNPLUG);
	if (device->lease.id)
		lease_end(daemon, device, 0, NULL);
	close_files(daemon, device);
	if (device->returns)
		daemon->returning--;
	daemon->unclean -= device->unclean;
	sriov_gone(device);
	devices_remove(&daemon->devices, device);
	revoke_go_on(daemon); /* before somebody gives one of these away, or back */
	if (is_virtual)
		sriov_lost(daemon, physical_function);
	assign_go_on(daemon);
}

/* A function that went while a worker had it.  What came since in its slot, under the same address, is another one. */
static void forget(struct daemon *daemon, struct device *device)
{
	uint64_t address = device->facts.address;
	struct facts facts;
	int err;

	device->gone = false;
	daemon_device_gone(daemon, device);
	err = facts_read(daemon->udev, address, &facts);
	if (!err)
		err = devices_put(&daemon->devices, &facts);
	if (!err)
		assign_appeared(daemon, devices_find(&daemon->devices, address));
	else if (facts_is_want(-err))
		daemon_try_again(daemon);
}

/* Jobs that have not reported yet. */
static unsigned int busy(const struct daemon *daemon)
{
	return workers_busy(daemon->workers) + workers_busy(daemon->closers);
}

/* Ends the loop when it has been asked to and no worker is left. */
static void stop_if_idle(void *data)
{
	struct daemon *daemon = data;

	if (daemon->stopping && !busy(daemon))
		event_base_loopbreak(daemon->base);
}

void daemon_try_again(struct daemon *daemon)
{
	if (daemon->hotplug)
		hotplug_look_again(daemon->hotplug);
}

void daemon_go_on(struct daemon *daemon)
{
	revoke_go_on(daemon);
	assign_go_on(daemon);
	sriov_go_on(daemon);
}

void daemon_settled(struct daemon *daemon, struct device *device)
{
	struct request_queue waiting = TAILQ_HEAD_INITIALIZER(waiting);

	/* out of the device first, which may be gone before the last of them has run */
	TAILQ_CONCAT(&waiting, &device->waiting, next);
	if (device->gone)
		forget(daemon, device);
	revoke_go_on(daemon); /* before somebody gets one of these */
	request_resume(&waiting);
	assign_go_on(daemon);
	sriov_go_on(daemon);
}

/* ---- start and end ---- */

static void stop(evutil_socket_t signal, short what, void *data)
{
	/* longer than a worker waits for a group to be free, see lease.c */
	static const struct timeval patience = { .tv_sec = 20 };
	struct daemon *daemon = data;

	(void)what;
	if (daemon->stopping)
		return;
	log_event(LOG_EVENT_STOPPING, NULL,
		  "ending on %s; devices stay with their VFIO drivers, and leases with their clients",
		  signal == SIGTERM ? "SIGTERM" : "SIGINT");
	systemd_notify("STOPPING=1\nSTATUS=Ending; leases stay with their clients");
	daemon->stopping = true;
	server_free(daemon->server);
	daemon->server = NULL;
	evtimer_add(daemon->patience, &patience);
	stop_if_idle(daemon);
}

static void out_of_patience(evutil_socket_t fd, short what, void *data)
{
	struct daemon *daemon = data;

	(void)fd;
	(void)what;
	log_line(LOG_ERR, "%u operations are stuck in the kernel and are left there", busy(daemon));
	event_base_loopbreak(daemon->base);
}

static void reload(evutil_socket_t signal, short what, void *data)
{
	struct daemon *daemon = data;

	(void)signal;
	(void)what;
	if (!daemon->stopping)
		reload_start(daemon);
}

/* In the loop, and nowhere else: who is stuck in it does not get here. */
static void beat(evutil_socket_t fd, short what, void *data)
{
	(void)fd;
	(void)what;
	(void)data;
	systemd_notify("WATCHDOG=1");
}

/* Three times in the time that the service manager gives us. */
static int add_heartbeat(struct daemon *daemon)
{
	uint64_t usec = systemd_watchdog() / 3;
	const struct timeval interval = { .tv_sec = (time_t)(usec / 1000000),
					  .tv_usec = (suseconds_t)(usec % 1000000) };

	if (!usec)
		return 0;
	daemon->heartbeat = event_new(daemon->base, -1, EV_PERSIST, beat, daemon);
	return !daemon->heartbeat || evtimer_add(daemon->heartbeat, &interval) ? -ENOMEM : 0;
}

static int add_signals(struct daemon *daemon)
{
	daemon->sigterm = evsignal_new(daemon->base, SIGTERM, stop, daemon);
	daemon->sigint = evsignal_new(daemon->base, SIGINT, stop, daemon);
	daemon->sighup = evsignal_new(daemon->base, SIGHUP, reload, daemon);
	daemon->patience = evtimer_new(daemon->base, out_of_patience, daemon);
	if (!daemon->sigterm || !daemon->sigint || !daemon->sighup || !daemon->patience ||
	    event_add(daemon->sigterm, NULL) || event_add(daemon->sigint, NULL) || event_add(daemon->sighup, NULL))
		return -ENOMEM;
	return add_heartbeat(daemon);
}

/* As many operations at once as have been seen to wait for hardware; what more there is waits for them. */
#define JOB_THREADS   64
#define CLOSE_THREADS 4

static int make_workers(struct daemon *daemon)
{
	const struct workers_how jobs = { .threads = JOB_THREADS, .idle = stop_if_idle, .data = daemon };
	const struct workers_how closes = {
		.threads = CLOSE_THREADS, .hurried = true, .idle = stop_if_idle, .data = daemon
	};
	int err = workers_new(daemon->base, &jobs, &daemon->workers);

	return err ? err : workers_new(daemon->base, &closes, &daemon->closers);
}

static struct event_base *make_base(void)
{
	struct event_config *wanted = event_config_new();
	struct event_base *base = NULL;

	/* EV_CLOSED: a client's end is to be seen while its request is under way */
	if (wanted && !event_config_require_features(wanted, EV_FEATURE_EARLY_CLOSE))
		base = event_base_new_with_config(wanted);
	if (base)
		event_base_priority_init(base, 2); /* 0: watch.c; the rest is of the middle, which is 1 */
	if (wanted)
		event_config_free(wanted);
	return base;
}

static int daemon_start(struct daemon *daemon, const struct options *options, struct failure *failure)
{
	int err = -ENOMEM;

	daemon->devices.daemon = daemon;
	daemon->state_dir = options->state_dir;
	daemon->base = make_base();
	daemon->udev = udev_new();
	if (!daemon->base || !daemon->udev)
		return failure_set(failure, -ENOMEM, "out of memory");
	err = add_signals(daemon);
	if (!err)
		err = make_workers(daemon);
	if (!err)
		err = watch_new(daemon->base, lease_closed, daemon, &daemon->watch);
	if (!err)
		err = hotplug_new(daemon, &daemon->hotplug);
	if (err)
		return failure_set(failure, err, "cannot start: %s", strerror(-err));
	/* its lock first: until then another vfiod may have the functions in its hands */
	err = server_new(daemon, options->runtime_dir, &daemon->server, failure);
	if (err)
		return err;
	err = seccomp_install(failure);
	if (err)
		return err;
	err = kept_new(options->state_dir, &daemon->kept);
	if (err)
		return failure_set(failure, err, "cannot start: %s", strerror(-err));
	err = restore(daemon, options->runtime_dir, failure);
	if (err)
		return err;
	pci_events_follow(daemon);
	assign_go_on(daemon);
	sriov_go_on(daemon);
	return 0;
}

static void free_events(struct daemon *daemon)
{
	struct event *events[] = { daemon->sigterm, daemon->sigint, daemon->sighup, daemon->patience,
				   daemon->heartbeat };

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i])
			event_free(events[i]);
}

/* With workers stuck in the kernel their memory has to stay: the process ends anyway. */
static void daemon_free(struct daemon *daemon)
{
	server_free(daemon->server);
	hotplug_free(daemon->hotplug);
	daemon->hotplug = NULL;
	/* the lock goes with the process: until then its workers may have devices in their hands */
	if (daemon->workers && daemon->closers && busy(daemon))
		return;
	watch_free(daemon->watch);
	pci_events_free(daemon->pci_events);
	handles_free(daemon->handles);
	workers_free(daemon->workers);
	workers_free(daemon->closers);
	devices_free(&daemon->devices);
	saved_free(daemon->saved);
	kept_free(daemon->kept);
	udev_unref(daemon->udev);
	free_events(daemon);
	if (daemon->base)
		event_base_free(daemon->base);
	config_free(daemon->config);
}

static int daemon_run(struct daemon *daemon, const struct options *options)
{
	struct failure failure;
	int status = 1;

	if (daemon_start(daemon, options, &failure)) {
		log_line(LOG_ERR, "%s", failure.text);
		if (facts_is_want(-failure.error))
			status = EX_TEMPFAIL;
		goto free_daemon;
	}
	log_event(LOG_EVENT_READY, NULL, "%s ready: %zu PCI functions, sockets in %s", PACKAGE_VERSION,
		  daemon->devices.count, options->runtime_dir);
	systemd_notify("READY=1\nSTATUS=Serving; the configuration has %zu rules", daemon->config->rule_count);
	event_base_dispatch(daemon->base);
	status = busy(daemon) ? 1 : 0;
free_daemon:
	daemon_free(daemon);
	return status;
}

/* ---- the command line ---- */

static const char usage[] =
	"Usage: vfiod [OPTION]...\n"
	"Give PCI devices to unprivileged programs. Runs in the foreground and logs to standard error.\n"
	"\n"
	"  -c, --config FILE      read FILE (default " VFIOD_SYSCONFDIR
	"/vfiod/vfiod.conf and conf.d/*.conf beside it)\n"
	"      --check-config     read the configuration, say what is wrong with it, and end\n"
	"      --runtime-dir DIR  make the sockets in DIR (default " VFIOD_RUNTIMEDIR ")\n"
	"      --state-dir DIR    keep assignments over reboots in DIR (default " VFIOD_STATEDIR ")\n"
	"  -v, --verbose          log more\n"
	"  -h, --help             show this\n"
	"      --version          show the version\n"
	"\n"
	"vfioctl(1) talks to it; vfiod(8) and vfiod.conf(5) say more.\n";

/* Return: -1 to go on, or the exit status. */
static int parse_options(int argc, char **argv, struct options *options)
{
	enum { OPT_CHECK_CONFIG = 256, OPT_RUNTIME_DIR, OPT_STATE_DIR, OPT_VERSION };
	static const struct option long_options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, OPT_CHECK_CONFIG },
		{ "runtime-dir", required_argument, NULL, OPT_RUNTIME_DIR },
		{ "state-dir", required_argument, NULL, OPT_STATE_DIR },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:vh", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->source = (struct config_source){ .path = optarg, .required = true };
			break;
		case OPT_CHECK_CONFIG:
			options->check_only = true;
			break;
		case OPT_RUNTIME_DIR:
			options->runtime_dir = optarg;
			break;
		case OPT_STATE_DIR:
			options->state_dir = optarg;
			break;
		case 'v':
			options->verbose = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case OPT_VERSION:
			puts("vfiod " PACKAGE_VERSION);
			return 0;
		default:
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "vfiod: it takes no argument '%s'; see: vfiod --help\n", argv[optind]);
	return 2;
}

/* As many files as the administrator lets us have: each connection is one, and each warm function three. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int daemon_main(int argc, char **argv)
{
	struct options options = {
		.source = { .path = VFIOD_SYSCONFDIR "/vfiod/vfiod.conf", .dir = VFIOD_SYSCONFDIR "/vfiod/conf.d" },
		.runtime_dir = VFIOD_RUNTIMEDIR,
		.state_dir = VFIOD_STATEDIR,
	};
	struct daemon daemon = { .metrics.started = clock_us() };
	struct failure failure;
	int status = parse_options(argc, argv, &options);

	if (status >= 0)
		return status;
	log_setup(options.verbose);
	raise_file_limit();
	signal(SIGPIPE, SIG_IGN); /* a log that nobody reads any more is no reason to end */
	daemon.source = options.source;
	if (config_load(daemon.source.path, daemon.source.required, daemon.source.dir, &daemon.config, &failure)) {
		log_line(LOG_ERR, "%s", failure.text);
		return 1;
	}
	if (options.check_only) {
		log_line(LOG_INFO, "the configuration is in order, %zu rules", daemon.config->rule_count);
		config_free(daemon.config);
		return 0;
	}
	return daemon_run(&daemon, &options);
}
