#include "kube/objects.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* A port's label begins with "_"; dnsmasq exits if it becomes too long. */
enum { LABEL_MAX = KUBEOBJ_LABEL - 1, PORT_MAX = LABEL_MAX - 1, DOMAIN_MAX = KUBEOBJ_DOMAIN - 1 };

/* The length of the label at the start of TEXT (RFC 1123, lower case), or 0. */
static size_t label_length(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > LABEL_MAX || text[0] == '-' || (n > 0 && text[n - 1] == '-') ? 0 : n;
}

bool kubeobj_is_label(const char *text)
{
	size_t n = text != NULL ? label_length(text) : 0;

	return n > 0 && text[n] == '\0';
}

bool kubeobj_is_domain(const char *text)
{
	const char *at = text;
	size_t n;

	for (;;) {
		n = label_length(at);
		if (n == 0)
			return false;
		at += n;
		if (*at == '\0')
			return at - text <= DOMAIN_MAX;
		if (*at++ != '.')
			return false;
	}
}

const char *kubeobj_text(const json_t *object, const char *field)
{
	const json_t *string = json_object_get(object, field);
	const char *text = json_string_value(string);

	return text != NULL && strlen(text) == json_string_length(string) ? text : "";
}

/* Writes the address TEXT to TO in the canonical form of inet_ntop. Returns 0 or -1. */
static int address(const char *text, char to[INET6_ADDRSTRLEN])
{
	unsigned char bytes[sizeof(struct in6_addr)];
	int family = text != NULL && strchr(text, ':') != NULL ? AF_INET6 : AF_INET;

	if (text == NULL || inet_pton(family, text, bytes) != 1)
		return -1;
	return inet_ntop(family, bytes, to, INET6_ADDRSTRLEN) != NULL ? 0 : -1;
}

/* The label of an endpoint without a host name: its address with dashes. A label cannot begin or end with a dash. */
static void name_of_address(const char *ip, char to[INET6_ADDRSTRLEN + 2])
{
	size_t n;
	char *at;

	(void)snprintf(to, INET6_ADDRSTRLEN + 2, "%s%s", ip[0] == ':' ? "0" : "", ip);
	n = strlen(to);
	if (to[n - 1] == ':')
		(void)strcpy(to + n, "0");
	for (at = to; *at != '\0'; at++)
		if (*at == ':' || *at == '.')
			*at = '-';
}

/* Keeps ports that have a name: only these get records. */
static json_t *keep_ports(const struct kubeobj_warn *w, const json_t *ports)
{
	static const char *const protocols[][2] = { { "TCP", "tcp" }, { "UDP", "udp" }, { "SCTP", "sctp" } };
	json_t *kept = json_array(), *port;
	const char *name, *proto;
	json_int_t number;
	size_t i, p;

	json_array_foreach (ports, i, port) {
		name = kubeobj_text(port, "name");
		proto = json_object_get(port, "protocol") == NULL ? "TCP" : kubeobj_text(port, "protocol");
		number = json_integer_value(json_object_get(port, "port"));
		if (*name == '\0')
			continue;
		for (p = 0; p < 3 && strcmp(proto, protocols[p][0]) != 0; p++)
			continue;
		if (p == 3 || !kubeobj_is_label(name) || strlen(name) > PORT_MAX || number < 1 || number > 65535)
			w->call(w->arg, "a port is not valid: left out");
		else
			(void)json_array_append_new(kept, json_pack("[ssI]", name, protocols[p][1], number));
	}
	return kept;
}

static json_t *keep_cluster_ips(const struct kubeobj_warn *w, const json_t *spec)
{
	json_t *ips = json_object_get(spec, "clusterIPs"), *kept = json_array(), *ip;
	KUBEOBJ_AUTO json_t *one = json_pack("[s]", kubeobj_text(spec, "clusterIP"));
	char text[INET6_ADDRSTRLEN];
	size_t i;

	/* Up to 1.19 there is only clusterIP; it is empty until an address is allocated. */
	if (json_array_size(ips) == 0)
		ips = one;
	json_array_foreach (ips, i, ip) {
		if (json_string_length(ip) == 0 && ips == one)
			continue;
		if (address(json_string_value(ip), text) < 0)
			w->call(w->arg, "a cluster IP is not an address: left out");
		else
			(void)json_array_append_new(kept, json_string(text));
	}
	return kept;
}

json_t *kubeobj_service(const struct kubeobj_warn *w, const json_t *object)
{
	const json_t *spec = json_object_get(object, "spec");
	bool external = strcmp(kubeobj_text(spec, "type"), "ExternalName") == 0;
	bool headless = !external && strcmp(kubeobj_text(spec, "clusterIP"), "None") == 0;
	AUTO_FREE char *cname = strdup(external ? kubeobj_text(spec, "externalName") : "");
	size_t n = cname != NULL ? strlen(cname) : 0;

	if (cname == NULL)
		return NULL;
	if (n > 0 && cname[n - 1] == '.')
		cname[n - 1] = '\0';
	if (external && !kubeobj_is_domain(cname)) {
		w->call(w->arg, "its external name is not valid: left out");
		cname[0] = '\0';
	}
	return json_pack("{sb, sb, ss, so, so}", "headless", headless, "unready",
	    json_is_true(json_object_get(spec, "publishNotReadyAddresses")), "cname", cname, "ips",
	    headless || external ? json_array() : keep_cluster_ips(w, spec), "ports",
	    external ? json_array() : keep_ports(w, json_object_get(spec, "ports")));
}

static void keep_addresses(const struct kubeobj_warn *w, json_t *kept, const json_t *addresses, bool ready)
{
	char ip[INET6_ADDRSTRLEN], dashed[INET6_ADDRSTRLEN + 2];
	const char *name;
	json_t *item;
	size_t i;

	json_array_foreach (addresses, i, item) {
		if (address(kubeobj_text(item, "ip"), ip) < 0) {
			w->call(w->arg, "an address is not valid: left out");
			continue;
		}
		name = kubeobj_text(item, "hostname");
		name_of_address(ip, dashed);
		if (*name != '\0' && !kubeobj_is_label(name))
			w->call(w->arg, "a host name is not valid: left out");
		(void)json_array_append_new(
		    kept, json_pack("[ssb]", ip, kubeobj_is_label(name) ? name : dashed, ready));
	}
}

json_t *kubeobj_endpoints(const struct kubeobj_warn *w, const json_t *object)
{
	json_t *kept = json_array(), *subset, *ips;
	size_t i;

	json_array_foreach (json_object_get(object, "subsets"), i, subset) {
		ips = json_array();
		keep_addresses(w, ips, json_object_get(subset, "addresses"), true);
		keep_addresses(w, ips, json_object_get(subset, "notReadyAddresses"), false);
		(void)json_array_append_new(
		    kept, json_pack("{so, so}", "ips", ips, "ports", keep_ports(w, json_object_get(subset, "ports"))));
	}
	return kept;
}
