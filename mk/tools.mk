# The tools: one C file each, and what they share: tools/lib/ROOM.

CC := $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
TB := $(B)$(if $(SAN),/san)
BIN := $(TB)/bin
TOOL_NAMES := $(sort $(patsubst tools/%.c,%,$(wildcard tools/*.c)))
TOOLS := $(addprefix $(BIN)/,$(TOOL_NAMES) ramholes.so)
LIB_SOURCES := $(sort $(wildcard tools/lib/*/*.c))
LIB_OBJS := $(patsubst tools/%.c,$(TB)/obj/%.o,$(LIB_SOURCES))

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wformat=2 -Wstrict-prototypes \
	-Wmissing-prototypes -Wundef -Wvla -Wwrite-strings -Wcast-qual -Wnull-dereference
HARDENING := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer, \
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(if $(findstring clang,$(CC)),2,3) \
	-fstack-protector-strong -fstack-clash-protection -fcf-protection)
CFLAGS ?= -O2 -g
KS_CFLAGS := -std=c11 -D_GNU_SOURCE -Itools/lib $(WARNINGS) -Werror $(CFLAGS) $(HARDENING) -ffile-prefix-map=$(CURDIR)=.
# No build ID: it would be of the debug information, too, and change a stripped program with every comment.
KS_LDFLAGS := -Wl,--build-id=none $(if $(SAN),-fsanitize=$(SAN),-Wl$(comma)-z$(comma)relro$(comma)-z$(comma)now) -Wl,--as-needed

# Libraries beside libcrypto, a tool a line.
LIBS.vmstart := -lzstd -ljansson -pthread
LIBS.vmstop := -ljansson
LIBS.vmpause := -ljansson
LIBS.vmsave := -lzstd -ljansson -pthread
LIBS.vmstate := -lzstd -ljansson -pthread
LIBS.fetch := -lcurl
LIBS.kubeimages := -lyaml -ljansson
LIBS.kubehosts := -lcurl -ljansson
LIBS.regpull := -lcurl -lzstd -ljansson -pthread
LIBS.regpush := -lcurl -ljansson
LIBS.ocipack := -larchive -lzstd -lz -ljansson -pthread
LIBS.imagename := -larchive -ljansson
LIBS.provconf := -linih -ljansson
LIBS.stagekey := -linih -lyaml -ljansson
LIBS.clusterports := -linih
LIBS.hostcheck := -linih
LIBS.clusterconf := -linih
LIBS.dnsconf := -linih
LIBS.addon := -linih
LIBS.inifile := -linih
$(foreach t,$(TOOL_NAMES),$(eval LIBS.$t ?=))
# pause runs alone in an image without a C library; renew on a node, which has a C library of its own.
STATIC := pause renew
LINK.static := $(if $(SAN),,-static)

.PHONY: tools
tools: $(TOOLS)

# An object's headers are in the .d file that the compiler writes with it.
compile = $(CC) $(KS_CFLAGS) -fPIE -MMD -MP -MT $@ -MF $(@:.o=.d) -c -o $@.$$$$ $< && mv $@.$$$$ $@

$(TB)/obj/%.o: tools/%.c mk/tools.mk
	@mkdir -p $(@D)
	$(Q)$(compile)

-include $(LIB_OBJS:.o=.d) $(TOOL_NAMES:%=$(TB)/obj/%.d)

$(TB)/obj/libks.a: $(LIB_OBJS)
	$(Q)rm -f $@.$$$$ && ar rcsD $@.$$$$ $^ && mv $@.$$$$ $@

# With symbols here; without them in $(BIN): what is installed is a third of the size, and its digest, which is part of
# stages' keys, does not change with a comment.
$(TB)/debug/%: $(TB)/obj/%.o $(TB)/obj/libks.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(if $(filter $*,$(STATIC)),$(LINK.static),-pie) $(KS_LDFLAGS) -o $@.$$$$ $^ \
		$(LIBS.$*) $(if $(filter $*,$(STATIC)),,-lcrypto) && mv $@.$$$$ $@

$(BIN)/%: $(TB)/debug/%
	@mkdir -p $(@D)
	$(Q)$(if $(SAN),cp,strip -o) $(if $(SAN),$< $@.$$$$,$@.$$$$ $<) && mv $@.$$$$ $@

# It runs inside QEMU, so it has no sanitizers: their runtime would have to be the first library that QEMU loads.
$(BIN)/%.so: tools/preload/%.c mk/tools.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fsanitize% -fno-sanitize%,$(KS_CFLAGS)) -fPIC -shared -s -Wl,--build-id=none -o $@.$$$$ $< && mv $@.$$$$ $@

# Objects are kept: a second make has nothing to do.
.SECONDARY:
