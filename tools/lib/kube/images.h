/*
 * The images that Kubernetes manifests name. A manifest is YAML or JSON with any number of documents, not trusted.
 * An image is named
 *   - by the containers, initContainers and ephemeralContainers of any object that has such lists: pods, pod templates,
 *     lists of objects, custom resources (core/v1 Container.image);
 *   - by a volume of type image (core/v1 ImageVolumeSource.reference);
 *   - by an environment variable of a container whose name ends with _IMAGE: the usual way to tell an operator what to
 *     start.
 * An image that is named in any other way has to be declared by hand.
 */
#ifndef KS_KUBE_IMAGES_H
#define KS_KUBE_IMAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct kubeimage {
	char *image;      /* as written */
	char *object;     /* KIND/NAMESPACE/NAME, or KIND/NAME without a namespace */
	char *part;       /* "container NAME", "volume NAME" or "variable NAME" */
	const char *file; /* the name that kubeimages_read was given */
	bool always;      /* imagePullPolicy is Always */
	bool latest; /* neither a digest nor a tag other than latest: a pull would bring whatever is there by then */
};

/* Initialize to zero. */
struct kubeimages {
	struct kubeimage *v;
	size_t n, room_;
};

/*
 * Adds the images in the N bytes of DATA. FILE is its name in errors and must outlive K. Returns 0, or -1: not
 * well-formed, over a limit of yaml.h, a duplicate key, or an invalid image name.
 */
int kubeimages_read(struct kubeimages *k, const char *file, const char *data, size_t n, struct err *e);

/* Sorts by image, object and part. */
void kubeimages_sort(struct kubeimages *k);

/*
 * Is TEXT the name of an image as manifests write it, [REGISTRY/]NAME[:TAG][@sha256:DIGEST]? Parts of [A-Za-z0-9._-]
 * with slashes between them, of which the first may have a port. (A reference, oci/ref.h, always has its registry.)
 */
bool kubeimages_is_name(const char *text);

void kubeimages_free(struct kubeimages *k);

#define AUTO_KUBEIMAGES __attribute__((cleanup(kubeimages_free)))

#endif
