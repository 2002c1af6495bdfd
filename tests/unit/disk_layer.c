/* Annotations about the layer with a disk. */
#include "disk/layer.h"

#include "tap.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define GOOD "compression_type=zstd,cluster_size=65536"

/* Parses annotations of these two. */
static int parse(struct disklayer_recipe *r, const char *digest, const char *options, json_t **notes)
{
	struct err e;

	*notes = json_pack("{s:s*, s:s*}", "org.kubestamp.layer.digest", digest, "org.kubestamp.disk.options", options);
	return disklayer_parse(r, *notes, &e);
}

static void accepts(const char *digest, const char *options)
{
	struct disklayer_recipe r;
	json_t *notes;

	ok(parse(&r, digest, options, &notes) == 0, "accepts %s", options);
	same(r.hex, HEX, "the layer");
	same(r.options, options, "the options");
	same(r.head, "", "without the other annotations");
	json_decref(notes);
}

static void refuses(const char *digest, const char *options)
{
	struct disklayer_recipe r;
	json_t *notes;

	ok(parse(&r, digest, options, &notes) < 0, "refuses %s, %s", digest != NULL ? digest : "no digest",
	    options != NULL ? options : "no options");
	json_decref(notes);
}

int main(void)
{
	struct disklayer_recipe r;
	struct err e;

	accepts("sha256:" HEX, GOOD);
	accepts("sha256:" HEX, "compression_type=zlib,cluster_size=2097152");
	refuses(NULL, GOOD);
	refuses("sha256:../../../../../../../../../../../../../../../../../../../../etc/pass", GOOD);
	refuses(HEX, GOOD);
	refuses("sha256:" HEX, NULL);
	refuses("sha256:" HEX, "");
	refuses("sha256:" HEX, "compression_type=,cluster_size=65536");
	refuses("sha256:" HEX, "compression_type=zstd,cluster_size=");
	refuses("sha256:" HEX, "compression_type=zstd");
	refuses("sha256:" HEX, GOOD ",data_file=/etc/passwd");
	refuses("sha256:" HEX, "compression_type=zstd,backing_file=/etc/passwd,cluster_size=65536");
	refuses("sha256:" HEX, "backing_file=x," GOOD);
	refuses("sha256:" HEX, GOOD "\n");
	ok(disklayer_parse(&r, NULL, &e) < 0, "refuses a manifest without annotations");
	same(e.msg, "invalid annotations", "the reason");
	return tap_end();
}
