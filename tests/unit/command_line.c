/* The QEMU command line of a machine: what depends on the version of QEMU. */
#include "vm/command_line.h"

#include "tap.h"

/* The value of -object in VM's command line. */
static void object_is(struct vm *vm, const char *want, const char *name)
{
	struct args a = { 0 };
	const char *found = "";
	struct err e;
	size_t i;

	if (vm_command_line(vm, &a, &e) == 0)
		for (i = 0; i + 1 < a.n; i++)
			if (strcmp(a.v[i], "-object") == 0)
				found = a.v[i + 1];
	same(found, want, name);
	args_free(&a);
}

int main(void)
{
	char path[] = "p";
	struct vm vm = {
		.qemu = "q",
		.name = "vm",
		.machine = "q35",
		.cpu = "qemu64",
		.cpus = 1,
		.memory = 64 << 20,
		.qmp = path,
		.agent = path,
		.console = path,
		.console_socket = path,
		.pidfile = path,
	};

	object_is(&vm, "memory-backend-ram,id=mem,size=64M", "a machine that boots");
	vm.ram = "a,b";
	object_is(&vm, "memory-backend-file,id=mem,size=64M,mem-path=a,,b,share=off", "an older QEMU");
	vm.ram_readonly = true;
	object_is(&vm, "memory-backend-file,id=mem,size=64M,mem-path=a,,b,share=off,readonly=on,rom=off",
	    "a QEMU that can open the memory only for reading");
	return tap_end();
}
