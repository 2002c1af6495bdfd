# Rendering templates with the provider's settings. Sourced; needs BIN and, in the shell's variables, the settings (common/conf.sh).
# shellcheck shell=bash

# kube_render FILE...: print the rendered templates; a word without a value is an error.
kube_render() {
	local defines
	conf_defines kubernetes_ network_ images_ storage_
	"$BIN/kuberender" "${defines[@]}" "$@"
}
