#ifndef KS_BASE_VERSION_H
#define KS_BASE_VERSION_H

/* Part of the key of every stage that uses a tool: increment it when a tool's output changes for the same input. */
#define KS_VERSION "0.2"

#endif
