/* What the host offers to a VM: KVM, and the kind of processor. */
#ifndef KS_VM_KVM_H
#define KS_VM_KVM_H

#include <stdbool.h>

#include "base/err.h"
#include "base/sha256.h"

/*
 * True if /dev/kvm can be opened and the processor has vmx or svm. The device alone proves nothing: some hosts have it
 * without hardware virtualization.
 */
bool vm_kvm_usable(void);

/*
 * The kind of the host's processor as a digest of its vendor, family, model, stepping and flags. A machine that was
 * saved under KVM resumes only on the same kind. Returns 0 or -1.
 */
int vm_cpu_identity(char hex[SHA256_HEX], struct err *e);

#endif
