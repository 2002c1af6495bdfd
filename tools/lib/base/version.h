#ifndef KS_BASE_VERSION_H
#define KS_BASE_VERSION_H

/* Part of every stage key that names a tool of ours: raise it when a tool's output changes for the same input. */
#define KS_VERSION "0.2"

#endif
