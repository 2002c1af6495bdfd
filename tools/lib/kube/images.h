/*
 * The images that Kubernetes manifests name. A manifest is YAML or JSON of any number of documents, from anywhere: it
 * is read as hostile. An image is named
 *   - by the containers, initContainers and ephemeralContainers of whatever holds such lists: a pod, and all that has
 *     a pod template in it, lists of objects and custom resources too (core/v1 Container.image);
 *   - by a volume of the kind image (core/v1 ImageVolumeSource.reference);
 *   - by a container's variable whose name ends with _IMAGE, which is how operators learn what they are to start.
 * An image that is named in any other way has to be declared by hand.
 */
#ifndef KS_KUBE_IMAGES_H
#define KS_KUBE_IMAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct kubeimage {
	char *image;      /* as it is written */
	char *object;     /* KIND/NAMESPACE/NAME, without the namespace where there is none */
	char *part;       /* "container NAME", "volume NAME" or "variable NAME" */
	const char *file; /* the name that kubeimages_read was given */
	bool always;      /* imagePullPolicy is Always */
	bool latest; /* neither a digest nor a tag other than latest: a pull would bring whatever is there by then */
};

/* Start with zeros. */
struct kubeimages {
	struct kubeimage *v;
	size_t n, room_;
};

/*
 * Adds the images of N bytes of DATA, which errors call FILE; FILE has to stay valid. Returns 0, or -1: it is not
 * well-formed, or larger than yamltree.h allows; a key that counts is there twice; or what stands for an image cannot
 * be one.
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
