# kuberender: templates with a provider's settings. The words and marks have a unit test (tests/unit/template.c).
load lib/common

setup() { cd "$BATS_TEST_TMPDIR" || return; }

@test "files, one after another, with what they include" {
	mkdir in
	printf 'a @version@\n@include @kubeadm_api@.part\nb' > in/a
	printf '@cni=flannel@yes\n@cni=bridge@no\n' > in/v1.part
	printf '@own@\n' > in/b
	run -0 kuberender -D kubernetes_version=1 --define kubernetes_kubeadm_api=v1 -D network_cni=flannel -D 'own=& \1 @x@' in/a in/b
	[ "$output" = $'a 1\nyes\nb& \\1 @x@' ]
	# The last definition counts.
	run -0 kuberender -D own=1 -D own=2 in/b
	[ "$output" = 2 ]
}

@test "a file that cannot be rendered: exit 1, and no other file is printed" {
	echo good > good
	echo '@word@' > bad
	run -1 --separate-stderr kuberender good bad
	[ -z "$output" ]
	[ "$stderr" = "kuberender: bad: @word@ has no value in provider.ini" ]
	run -1 kuberender none
	[ "$output" = "kuberender: none: No such file or directory" ]
	echo '@include none' > bad
	run -1 kuberender -D kubernetes_kubeadm_api=v9 bad
	[[ $output == *"(kubeadm_api = v9): none: No such file or directory" ]]
}

@test "files that include each other" {
	echo '@include b' > a
	echo '@include a' > b
	run -1 kuberender a
	[[ $output == *"files include each other"* ]]
}

@test "usage errors" {
	refuses kuberender 'a file is needed'
	refuses kuberender "'x' is not NAME=VALUE" -D x file
	echo 'secret' > values
	refuses kuberender 'values: a line is not NAME=VALUE' -F values file
	[[ $output != *secret* ]]
	run -1 kuberender -F nothing file
	[ "${lines[0]}" = "kuberender: nothing: No such file or directory" ]
}

@test "definitions from a file or a pipe; the last one of a name counts" {
	cd "$BATS_TEST_TMPDIR" || return
	echo '@one@ @two@ @three@' > file
	run -0 kuberender -D one=1 -D two=2 -F <(printf 'two=3 = 4\n\nthree=5') -D three=6 file
	[ "$output" = '1 3 = 4 6' ]
}
