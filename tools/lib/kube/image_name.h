/*
 * The names of images as manifests write them: [REGISTRY/]NAME[:TAG][@sha256:DIGEST], where the registry may be left
 * out (ref.h is for those that are asked of a registry, where it may not).
 */
#ifndef KS_KUBE_IMAGE_NAME_H
#define KS_KUBE_IMAGE_NAME_H

#include <stdbool.h>

/* Is TEXT such a name: parts of [A-Za-z0-9._-] with slashes between them, perhaps a port, a tag, a SHA-256? */
bool imagename_is(const char *text);

/* Has the name neither a digest nor a tag other than latest? */
bool imagename_is_latest(const char *image);

#endif
