/* vmstart: starts one QEMU VM from its options, and returns when it is running. */
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/cli.h"
#include "base/num.h"
#include "base/quote.h"
#include "base/readfile.h"
#include "snapshot/resume.h"
#include "vm/kvm.h"
#include "vm/machine.h"
#include "vm/qmp.h"
#include "vm/run.h"
#include "vm/start.h"
#include "vm/supervise.h"

enum {
	OPT_KEEP_DISK = OPT_LONG,
	OPT_DISK_SIZE,
	OPT_DISK_FORMAT,
	OPT_BACKING_FORMAT,
	OPT_NIC,
	OPT_EXTRA_DISK,
	OPT_FW_CFG,
	OPT_RUN,
	OPT_QMP,
	OPT_AGENT,
	OPT_CONSOLE,
	OPT_CONSOLE_SOCKET,
	OPT_PIDFILE,
	OPT_RENEW,
	OPT_RENEW_INPUT,
	OPT_ACCEL,
	OPT_MACHINE,
	OPT_CPU,
	OPT_QEMU,
	OPT_GRACE,
	OPT_PRINT,
	OPT_TCG_APPEND,
	OPT_TCG_CPU,
};

static const struct opt options[] = {
	{ 'n', "name", "NAME", "name of the VM" },
	{ OPT_RUN, "run", "DIR", "runtime directory for sockets, logs and pid file" },
	{ 'm', "memory", "SIZE", "RAM; a plain number is in MiB (default: 1024)" },
	{ 'c', "cpus", "N", "virtual CPUs (default: 1)" },
	{ 'd', "disk", "FILE", "disk to boot from" },
	{ 'b', "backing", "FILE", "create the disk as an overlay on FILE" },
	{ OPT_KEEP_DISK, "keep-disk", NULL, "use the disk as it is if it exists" },
	{ OPT_DISK_SIZE, "disk-size", "SIZE", "size of the overlay (default: the backing file's)" },
	{ OPT_DISK_FORMAT, "disk-format", "FORMAT", "raw or qcow2 (default: detected)" },
	{ OPT_BACKING_FORMAT, "backing-format", "FORMAT", "raw or qcow2 (default: detected)" },
	{ OPT_EXTRA_DISK, "extra-disk", "SPEC", "FILE[,serial=S][,format=F][,readonly]" },
	{ 'k', "kernel", "FILE", "kernel to boot directly" },
	{ 'i', "initrd", "FILE", "initial RAM disk of the kernel" },
	{ 'a', "append", "TEXT", "command line of the kernel" },
	{ OPT_TCG_APPEND, "tcg-append", "TEXT", "added to it with tcg" },
	{ OPT_NIC, "nic", "SPEC", "tap=IF, bridge=BR or user; see vmstart(1)" },
	{ OPT_FW_CFG, "fw-cfg", "NAME=FILE", "let the guest read FILE under the name opt/..." },
	{ OPT_QMP, "qmp", "PATH", "QMP socket (default: DIR/" VM_QMP ")" },
	{ OPT_AGENT, "agent", "PATH", "guest agent socket (default: DIR/" VM_AGENT ")" },
	{ OPT_CONSOLE, "console", "FILE", "console log (default: DIR/" VM_CONSOLE ")" },
	{ OPT_CONSOLE_SOCKET, "console-socket", "PATH", "(default: DIR/" VM_CONSOLE_SOCKET ")" },
	{ OPT_PIDFILE, "pidfile", "FILE", "pid file (default: DIR/" VM_PIDFILE ")" },
	{ 'r', "resume", "STATE", "resume the VM that vmsave saved in directory STATE" },
	{ OPT_RENEW, "renew", "COMMAND", "run in the guest before its network is up" },
	{ OPT_RENEW_INPUT, "renew-input", "FILE", "add FILE to the standard input of COMMAND" },
	{ OPT_ACCEL, "accel", "NAME", "auto, kvm or tcg (default: auto)" },
	{ OPT_MACHINE, "machine", "TYPE", "machine type (default: QEMU's newest q35)" },
	{ OPT_CPU, "cpu", "MODEL", "(default: host with kvm, qemu64 with tcg)" },
	{ OPT_TCG_CPU, "tcg-cpu", "MODEL", "the default with tcg" },
	{ OPT_QEMU, "qemu", "PROGRAM", "(default: qemu-system-x86_64)" },
	{ 't', "timeout", "SECONDS", "time for the VM to start (default: 30)" },
	{ 'f', "foreground", NULL, "stay until the VM ends" },
	{ OPT_GRACE, "grace", "SECONDS", "time for its shutdown, with -f (default: 60)" },
	{ OPT_PRINT, "print", NULL, "print the QEMU command line and exit" },
	{ 0, NULL, NULL, NULL },
};

/* The options: the *_text members as given, until check() has parsed them. */
struct settings {
	struct vm vm;
	struct vm_start start;
	struct resume resume;
	const char *accel, *renew_input;
	const char *tcg_append, *tcg_cpu;
	const char *qmp, *agent, *console, *console_socket, *pidfile;
	const char *memory_text, *cpus_text, *size_text, *timeout_text, *grace_text;
	int64_t timeout, grace; /* seconds */
	char *root;             /* allocated name of the root disk, if --disk was not given */
	char *append;           /* allocated: --append and --tcg-append together */
	bool foreground, print;
};

static const struct opt_member members[] = {
	OPT_MEMBER('n', struct settings, vm.name),
	OPT_MEMBER('k', struct settings, vm.kernel),
	OPT_MEMBER('i', struct settings, vm.initrd),
	OPT_MEMBER('a', struct settings, vm.append),
	OPT_MEMBER('m', struct settings, memory_text),
	OPT_MEMBER('c', struct settings, cpus_text),
	OPT_MEMBER('d', struct settings, start.disk),
	OPT_MEMBER('b', struct settings, start.backing),
	OPT_MEMBER('t', struct settings, timeout_text),
	OPT_MEMBER(OPT_DISK_SIZE, struct settings, size_text),
	OPT_MEMBER(OPT_DISK_FORMAT, struct settings, start.disk_format),
	OPT_MEMBER(OPT_BACKING_FORMAT, struct settings, start.backing_format),
	OPT_MEMBER(OPT_RUN, struct settings, start.run),
	OPT_MEMBER(OPT_QMP, struct settings, qmp),
	OPT_MEMBER(OPT_AGENT, struct settings, agent),
	OPT_MEMBER(OPT_CONSOLE, struct settings, console),
	OPT_MEMBER(OPT_CONSOLE_SOCKET, struct settings, console_socket),
	OPT_MEMBER(OPT_PIDFILE, struct settings, pidfile),
	OPT_MEMBER('r', struct settings, resume.dir),
	OPT_MEMBER(OPT_RENEW, struct settings, resume.renew),
	OPT_MEMBER(OPT_RENEW_INPUT, struct settings, renew_input),
	OPT_MEMBER(OPT_ACCEL, struct settings, accel),
	OPT_MEMBER(OPT_MACHINE, struct settings, vm.machine),
	OPT_MEMBER(OPT_CPU, struct settings, vm.cpu),
	OPT_MEMBER(OPT_QEMU, struct settings, vm.qemu),
	OPT_MEMBER(OPT_GRACE, struct settings, grace_text),
	OPT_MEMBER(OPT_TCG_APPEND, struct settings, tcg_append),
	OPT_MEMBER(OPT_TCG_CPU, struct settings, tcg_cpu),
	OPT_MEMBER(OPT_KEEP_DISK, struct settings, start.keep_disk),
	OPT_MEMBER('f', struct settings, foreground),
	OPT_MEMBER(OPT_PRINT, struct settings, print),
	{ 0, 0, OPT_TEXT },
};

static const struct tool vmstart_tool = {
	.name = "vmstart",
	.synopsis = "[options] --name NAME --run DIR [-- QEMU-ARGUMENT...]",
	.about = "Start one QEMU virtual machine.",
	.opts = options,
	.members = members,
};

/* Parses the argument of --nic, --extra-disk or --fw-cfg and adds the part to VM. Returns 0 or -1. */
static int add_part(struct vm *vm, int id, const char *spec, struct err *e)
{
	int rc = -1;

	switch (id) {
	case OPT_NIC:
		if (vm->nnics == VM_NICS)
			return err_set(e, "nic: more than %d", VM_NICS);
		rc = vm_nic_parse(&vm->nics[vm->nnics++], spec, e);
		return rc < 0 ? err_prefix(e, "nic: %s", spec) : 0;
	case OPT_EXTRA_DISK:
		if (vm->ndisks == VM_DISKS)
			return err_set(e, "extra-disk: more than %d", VM_DISKS);
		rc = vm_disk_parse(&vm->disks[vm->ndisks], spec, e);
		vm->ndisks += rc == 0;
		return rc < 0 ? err_prefix(e, "extra-disk: %s", spec) : 0;
	default:
		if (vm->nfws == VM_FWS)
			return err_set(e, "fw-cfg: more than %d", VM_FWS);
		rc = vm_fw_parse(&vm->fws[vm->nfws++], spec, e);
		return rc < 0 ? err_prefix(e, "fw-cfg: %s", spec) : 0;
	}
}

/* Takes a part of the machine. Returns an exit code. */
static int take_part(struct cli *c, int id, void *arg)
{
	struct settings *s = arg;
	struct err e;

	return add_part(&s->vm, id, c->arg, &e) == 0 ? EX_DONE : cli_usage(c, "%s", e.msg);
}

/* Returns CLI_END, or CLI_EXIT with the exit code in C. */
static int parse(struct cli *c, struct settings *s)
{
	if (cli_options(c, take_part, s) == CLI_EXIT)
		return CLI_EXIT;
	s->vm.extra = c->argv;
	if (c->argc == 0 || strcmp(c->argv[-1], "--") == 0)
		return CLI_END;
	c->exit_code = cli_usage(c, "unexpected operand '%s' (arguments for QEMU go after --)", c->argv[0]);
	return CLI_EXIT;
}

static int check_seconds(const char *what, const char *text, int64_t *out, struct err *e)
{
	if (text == NULL || num_parse(text, 1, 86400, out) == 0)
		return 0;
	return err_set(e, "%s: '%s' is not a number of seconds", what, text);
}

static int check_numbers(struct settings *s, struct err *e)
{
	int64_t n;

	if (s->memory_text != NULL) {
		if (num_parse(s->memory_text, 1, 1 << 30, &n) == 0)
			s->vm.memory = (uint64_t)n << 20;
		else if (num_size(s->memory_text, &s->vm.memory) < 0 || s->vm.memory == 0 || s->vm.memory % 1048576)
			return err_set(e, "memory: '%s' is not a size of whole MiB", s->memory_text);
	}
	if (s->cpus_text != NULL) {
		if (num_parse(s->cpus_text, 1, 255, &n) < 0)
			return err_set(e, "cpus: '%s' is not a number from 1 to 255", s->cpus_text);
		s->vm.cpus = (unsigned)n;
	}
	if (s->size_text != NULL && (num_size(s->size_text, &s->start.disk_size) < 0 || s->start.disk_size == 0))
		return err_set(e, "disk-size: '%s' is not a size", s->size_text);
	if (check_seconds("timeout", s->timeout_text, &s->timeout, e) < 0)
		return -1;
	return check_seconds("grace", s->grace_text, &s->grace, e);
}

/* Are A and B two names of one file that exists? */
static bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Options that require, or exclude, others. */
static int check_disks(const struct settings *s, struct err *e)
{
	if (s->start.backing != NULL && s->start.disk == NULL)
		return err_set(e, "backing: requires --disk");
	if (s->start.backing != NULL && is_same_file(s->start.disk, s->start.backing))
		return err_set(e, "disk and backing: %s and %s are the same file", s->start.disk, s->start.backing);
	if (s->start.backing == NULL && (s->size_text != NULL || s->start.keep_disk || s->start.backing_format != NULL))
		return err_set(e, "disk-size, keep-disk and backing-format require --backing");
	if (s->start.backing_format != NULL && !vm_format_ok(s->start.backing_format))
		return err_set(e, "backing-format: '%s' is neither raw nor qcow2", s->start.backing_format);
	if (s->start.disk_format != NULL && !vm_format_ok(s->start.disk_format))
		return err_set(e, "disk-format: '%s' is neither raw nor qcow2", s->start.disk_format);
	if (s->start.disk_format != NULL && (s->start.disk == NULL || s->start.backing != NULL))
		return err_set(e, "disk-format: requires --disk without --backing");
	return 0;
}

/* Sets the CPU model and the kernel's command line, now that the accelerator is known. Returns 0 or -1. */
static int apply_accel(struct settings *s, struct err *e)
{
	const char *tcg_cpu = s->tcg_cpu != NULL && s->tcg_cpu[0] != '\0' ? s->tcg_cpu : "qemu64";

	/* migratable=on: without features that a move to another host would break, such as an invariant TSC. */
	if (s->vm.cpu == NULL)
		s->vm.cpu = s->vm.kvm ? "host,migratable=on" : tcg_cpu;
	if (s->vm.kvm || s->tcg_append == NULL || s->tcg_append[0] == '\0')
		return 0;
	if (asprintf(&s->append, "%s%s%s", s->vm.append != NULL ? s->vm.append : "", s->vm.append != NULL ? " " : "",
		s->tcg_append) < 0) {
		s->append = NULL;
		return err_no_memory(e);
	}
	s->vm.append = s->append;
	return 0;
}

static int check_accel(const struct cli *c, struct settings *s, struct err *e)
{
	if (s->accel != NULL && strcmp(s->accel, "auto") == 0)
		s->accel = NULL;
	if (s->resume.dir != NULL && (s->accel == NULL || strcmp(s->accel, "kvm") == 0 || strcmp(s->accel, "tcg") == 0))
		return 0;
	if (s->accel == NULL) {
		s->vm.kvm = vm_kvm_usable();
		if (!s->vm.kvm)
			cli_note(
			    c, "%s: KVM is not usable here: using TCG, which is 10 to 20 times slower", s->vm.name);
	} else if (strcmp(s->accel, "kvm") == 0) {
		s->vm.kvm = true;
	} else if (strcmp(s->accel, "tcg") != 0) {
		return err_set(e, "accel: '%s' is not one of auto, kvm, tcg", s->accel);
	}
	return apply_accel(s, e);
}

/* Sets PATH to GIVEN or else RUN/NAME. Returns 0 or -1. */
static int set_path(char **path, const char *given, const char *run, const char *name, bool socket, struct err *e)
{
	*path = vm_run_path(given, run, name);
	if (*path == NULL)
		return err_no_memory(e);
	if (socket && strlen(*path) > QMP_PATH_MAX)
		return err_set(e, "%s: socket path longer than %d bytes", *path, QMP_PATH_MAX);
	return 0;
}

static int set_paths(struct settings *s, struct err *e)
{
	if (set_path(&s->vm.qmp, s->qmp, s->start.run, VM_QMP, true, e) < 0 ||
	    set_path(&s->vm.agent, s->agent, s->start.run, VM_AGENT, true, e) < 0 ||
	    set_path(&s->vm.console_socket, s->console_socket, s->start.run, VM_CONSOLE_SOCKET, true, e) < 0 ||
	    set_path(&s->vm.console, s->console, s->start.run, VM_CONSOLE, false, e) < 0)
		return -1;
	return set_path(&s->vm.pidfile, s->pidfile, s->start.run, VM_PIDFILE, false, e);
}

/* A resumed machine is the saved one: only its name, its disk's file, its sockets and its networks may be new. */
static int check_resume(const struct settings *s, struct err *e)
{
	if (s->resume.dir == NULL)
		return s->resume.renew == NULL && s->renew_input == NULL
			   ? 0
			   : err_set(e, "renew and renew-input require --resume");
	if (s->renew_input != NULL && s->resume.renew == NULL)
		return err_set(e, "renew-input: requires --renew");
	if (s->memory_text != NULL || s->cpus_text != NULL || s->start.backing != NULL ||
	    s->start.disk_format != NULL || s->vm.ndisks > 0 || s->vm.nfws > 0 || s->vm.kernel != NULL ||
	    s->vm.cpu != NULL || s->tcg_cpu != NULL || s->tcg_append != NULL || s->vm.machine != NULL ||
	    s->vm.extra[0] != NULL)
		return err_set(e, "resume: memory, cpus, machine, cpu, disks, fw-cfg, kernel and arguments for QEMU "
				  "come from the saved state and cannot be given");
	return 0;
}

static int check(const struct cli *c, struct settings *s, struct err *e)
{
	if (s->start.run == NULL || (s->vm.name == NULL && s->resume.dir == NULL))
		return err_set(e, "--name and --run are required");
	if (check_resume(s, e) < 0)
		return -1;
	if (s->vm.name != NULL && !vm_name_ok(s->vm.name))
		return err_set(e, "name: '%s' is not a valid name (letters, digits, '.', '_', '-')", s->vm.name);
	if (s->vm.machine == NULL && s->resume.dir == NULL)
		s->vm.machine = "q35";
	if (s->vm.kernel == NULL && (s->vm.initrd != NULL || s->vm.append != NULL || s->tcg_append != NULL))
		return err_set(e, "initrd, append and tcg-append require --kernel");
	if (check_numbers(s, e) < 0 || check_disks(s, e) < 0 || check_accel(c, s, e) < 0 || set_paths(s, e) < 0)
		return -1;
	/* A resumed machine keeps its MAC addresses. */
	return s->resume.dir != NULL ? 0 : vm_set_macs(&s->vm, e);
}

/* Reads the saved state, and makes the machine and its root disk from it. Returns an exit code. */
static int open_state(const struct cli *c, struct settings *s, struct err *e)
{
	const char *name = s->vm.name;
	size_t n = s->vm.nnics;
	struct vm_nic given[VM_NICS];

	s->resume.accel = s->accel;
	(void)memcpy(given, s->vm.nics, sizeof given);
	if (resume_open(&s->resume, &s->vm, e) < 0)
		return cli_fail(c, EX_NO, e);
	if (name != NULL)
		s->vm.name = name;
	if (vm_connect_nics(&s->vm, given, n, e) < 0)
		return cli_usage(c, "%s", e->msg);
	if (s->renew_input != NULL &&
	    read_file(s->renew_input, READ_FILE_MAX, &s->resume.input, &s->resume.input_n, e) < 0)
		return cli_fail(c, EX_FAIL, e);
	s->start.backing = s->resume.root;
	s->start.backing_format = strcmp(s->vm.root.format, "raw") == 0 ? "raw" : "qcow2";
	vm_disk_free(&s->vm.root);
	if (s->start.disk == NULL && s->resume.root != NULL) {
		s->start.disk = s->root = vm_run_path(NULL, s->start.run, VM_DISK);
		if (s->root == NULL)
			return cli_fail(c, EX_FAIL, (err_no_memory(e), e));
	}
	s->start.resumed = s->resume.dir;
	s->start.bring = resume_bring;
	s->start.arg = &s->resume;
	s->resume.version = s->start.version;
	return EX_DONE;
}

/* Ends this process with the signal that cancelled the start. Process 1 of a container survives that, and exits. */
static int die(int signal_number)
{
	sigset_t set;

	(void)signal(signal_number, SIG_DFL);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, signal_number);
	(void)raise(signal_number);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	return EX_FAIL;
}

/* Reports why the start failed. Returns an exit code. */
static int failed(const struct cli *c, const struct settings *s, struct err *e)
{
	int signal_number = vm_signal_take(s->start.cancel_fd);
	bool late = ms_left(s->start.deadline) == 0;

	if (signal_number != 0)
		return die(signal_number);
	if (late)
		(void)err_prefix(e, "not running after %" PRId64 " s", s->timeout);
	(void)err_prefix(e, "%s", s->vm.name);
	return cli_fail(c, late ? EX_LATE : s->resume.no ? EX_NO : EX_FAIL, e);
}

/* Stays until the machine has ended. Returns an exit code. */
static int stay(const struct cli *c, const struct settings *s, const struct child *qemu, struct err *e)
{
	const struct vm_supervise supervise = { s->start.cancel_fd, s->vm.qmp, s->grace * 1000 };
	enum vm_end how;
	int status, rc;

	rc = vm_supervise(&supervise, qemu, &how, &status, e);
	if (rc == 0 && status != 0)
		rc = vm_qemu_error(s->start.log, s->vm.qemu, status, e);
	vm_start_clean(&s->start);
	if (rc < 0)
		return cli_fail(c, EX_FAIL, (err_prefix(e, "%s", s->vm.name), e));
	if (how == VM_LATE)
		cli_warn(c, "%s: the guest did not shut down within %" PRId64 " s and was ended", s->vm.name, s->grace);
	return EX_DONE;
}

/* Prints a word so that a shell reads it back as one, quoted if necessary. */
static void print_word(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";

	if (word[0] != '\0' && word[strspn(word, plain)] == '\0')
		(void)fputs(word, stdout);
	else
		quote_sh(stdout, word);
}

/* Prints the command for a shell, one option per line. Returns an exit code. */
static int print_command(const struct cli *c, struct settings *s, struct err *e)
{
	struct args command = { 0 };
	int rc = EX_DONE;
	size_t i;

	if (vm_start_command(&s->start, &command, e) < 0)
		rc = cli_fail(c, EX_FAIL, (err_prefix(e, "%s", s->vm.name), e));
	for (i = 0; rc == EX_DONE && i < command.n; i++) {
		if (i > 0)
			(void)fputs(command.v[i][0] == '-' ? " \\\n  " : " ", stdout);
		print_word(command.v[i]);
	}
	if (rc == EX_DONE)
		(void)putchar('\n');
	args_free(&command);
	return rc;
}

static int run(const struct cli *c, struct settings *s, struct err *e)
{
	AUTO_CLOSE int signals = vm_signals(e);
	struct child qemu = { -1, -1 };
	int rc;

	if (signals < 0)
		return cli_fail(c, EX_FAIL, e);
	/* If the parent has set SIGCHLD to be ignored, no child could be waited for. */
	(void)signal(SIGCHLD, SIG_DFL);
	s->start.vm = &s->vm;
	s->start.death_signal = s->foreground ? SIGTERM : 0;
	s->start.cancel_fd = signals;
	s->start.deadline = now_ms() + s->timeout * 1000;
	if (s->resume.dir != NULL && (rc = open_state(c, s, e)) != EX_DONE)
		return rc;
	if (s->print)
		rc = print_command(c, s, e);
	else if (s->resume.dir != NULL && (rc = resume_check(&s->resume, e)) <= 0)
		rc = cli_fail(c, rc == 0 ? EX_NO : EX_FAIL, (err_prefix(e, "%s", s->vm.name), e));
	else if (vm_start(&s->start, &qemu, e) < 0)
		rc = failed(c, s, e);
	else
		rc = s->foreground ? stay(c, s, &qemu, e) : EX_DONE;
	if (qemu.pidfd >= 0)
		(void)close(qemu.pidfd);
	return rc;
}

static void release(struct settings *s)
{
	char *paths[] = { s->vm.qmp, s->vm.agent, s->vm.console_socket, s->vm.console, s->vm.pidfile, s->root,
		s->append };
	size_t i;

	for (i = 0; i < sizeof paths / sizeof *paths; i++)
		free(paths[i]);
	vm_start_free(&s->start);
	for (i = 0; i < s->vm.ndisks; i++)
		vm_disk_free(&s->vm.disks[i]);
	vm_disk_free(&s->vm.root);
	free(s->vm.extra_);
	resume_free(&s->resume);
}

int main(int argc, char **argv)
{
	struct cli c = { .tool = &vmstart_tool, .argc = argc, .argv = argv };
	struct settings s = {
		.vm = { .qemu = "qemu-system-x86_64", .cpus = 1, .memory = 1024ULL << 20 },
		.start = { .run_fd = -1 },
		.timeout = 30,
		.grace = 60,
	};
	struct err e = { 0 };
	int rc;

	if (parse(&c, &s) == CLI_EXIT)
		rc = c.exit_code;
	else if (check(&c, &s, &e) < 0)
		rc = cli_usage(&c, "%s", e.msg);
	else
		rc = run(&c, &s, &e);
	release(&s);
	return cli_end(&c, rc);
}
