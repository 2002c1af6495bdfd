# upstream: the files and images of Kubernetes that a provider downloads, the lock for them, and mirrors.
load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	S=(--provider p -D kubernetes_version=1.30.2 -D kubernetes_dns=coredns -D kubernetes_containerd=1.6.20
		-D kubernetes_kubeadm_api=v1beta3 -D images_repository=r.example -D images_pause=3.9 -D images_etcd=3.5.12-0
		-D images_coredns=v1.11.1)
	HEX=$(printf %064d 7)
}

up() { upstream "${S[@]}" "$@"; }

# digests: print digests for everything that is pinned.
digests() {
	up --files | sed "s/\t.*/\t$HEX/"
	up --images | sed "s/\$/\tsha256:$HEX/"
}

@test "files and images, from upstream and from mirrors" {
	run -0 up --files
	[ "${lines[0]}" = $'kubeadm\thttps://dl.k8s.io/release/v1.30.2/bin/linux/amd64/kubeadm' ]
	[ "${#lines[@]}" = 3 ]
	run -0 up --files -D kubernetes_crictl=1.30.0 --kubernetes-mirror http://m/k --cri-tools-mirror http://m/c
	[ "${lines[2]}" = $'kubectl\thttp://m/k/release/v1.30.2/bin/linux/amd64/kubectl' ]
	[ "${lines[3]}" = $'crictl\thttp://m/c/v1.30.0/crictl-v1.30.0-linux-amd64.tar.gz' ]
	[ "$(up --files --kubernetes-mirror '')" = "$(up --files)" ]
	run -0 up --images -D 'conformance_images=q.example/agnhost:2.47 r.example/pause:3.9'
	[ "${lines[*]}" = "r.example/kube-apiserver:v1.30.2 r.example/kube-controller-manager:v1.30.2 r.example/kube-scheduler:v1.30.2 r.example/kube-proxy:v1.30.2 r.example/coredns/coredns:v1.11.1 r.example/pause:3.9 r.example/etcd:3.5.12-0 r.example/conformance:v1.30.2 q.example/agnhost:2.47" ]
	[ "$(up --conformance -D conformance_images=q.example/agnhost:2.47)" = $'r.example/conformance:v1.30.2\nq.example/agnhost:2.47' ]
	[ -z "$(up --conformance)" ]
	[ "$(up --images --image-mirror 'r.example=127.0.0.1:5/r' | head -n 1)" = 127.0.0.1:5/r/kube-apiserver:v1.30.2 ]
}

@test "a lock is written and accepted, and has the digests of what is declared; a missing one is named" {
	digests > all
	run -0 up --write lock.ini < all
	[ -z "$output" ]
	[ "$(head -n 3 lock.ini)" = $'; The downloads of p, as \'make pin PROVIDER=p SOURCE=upstream\' found them.\n[lock]\nversion = 1.30.2' ]
	up --lock lock.ini
	[ "$(up --lock lock.ini --files | cut -f3 | uniq)" = "$HEX" ]
	[ "$(up --lock lock.ini --images)" = "$(grep : all)" ]
	# Images that are not declared are left out; those that are missing are an error.
	[ "$(up -D kubernetes_dns=manifest --lock lock.ini --images | wc -l)" = 6 ]
	run -1 up -D images_pause=3.10 --lock lock.ini --images
	[ "$output" = "upstream: lock.ini: no digest of the image r.example/pause:3.10; to create it again: make pin PROVIDER=p SOURCE=upstream" ]
	run -1 up -D kubernetes_version=1.30.3 --lock lock.ini
	[ "$output" = "upstream: lock.ini is for Kubernetes 1.30.2, p has 1.30.3; to create it again: make pin PROVIDER=p SOURCE=upstream" ]
	run -1 up -D kubernetes_crictl=1.30.0 --lock lock.ini
	[ "$output" = "upstream: lock.ini: [file crictl] has no sha256; to create it again: make pin PROVIDER=p SOURCE=upstream" ]
	sed '0,/^sha256/s/^sha256.*/sha256 = abc/' lock.ini > bad.ini
	run -1 up --lock bad.ini
	[[ $output == *"[file kubeadm] has no sha256"* ]]
	echo nonsense >> bad.ini
	run -2 up --lock bad.ini
	[[ $output == *"bad.ini:$(wc -l < bad.ini): neither [section] nor key = value" ]]
	run -2 up --lock none.ini
}

@test "--write: if a digest is missing or a line is invalid, the old lock stays" {
	echo old > lock.ini
	digests | sed '$d' > some
	run -1 up --write lock.ini < some
	[[ $output == *"no digest of the image r.example/etcd:3.5.12-0"* ]]
	{ digests; echo nonsense; } > some
	run -1 up --write lock.ini < some
	[ "$output" = "upstream: standard input:11: not NAME<tab>DIGEST" ]
	[ "$(cat lock.ini)" = old ]
	[ "$(ls)" = $'lock.ini\nsome' ]
}

@test "--kubeadm: the declared images must be those that kubeadm needs" {
	up --images > wanted
	up --kubeadm wanted
	sed 's/pause:.*/pause:3.10/' wanted > other
	run -1 up --kubeadm other
	[ "$output" = "upstream: p: the declared images (<) differ from those that kubeadm 1.30.2 needs (>): < r.example/pause:3.9 > r.example/pause:3.10; change [images]" ]
	# kubeadm lists the image of CoreDNS even if it is not used.
	up -D kubernetes_dns=manifest --kubeadm wanted
	run -1 up --kubeadm none
	[[ $output == "upstream: none: No such file or directory" ]]
}

@test "--supported: the versions of the node's containerd and of kubeadm's API" {
	up --supported
	run -1 up --supported -D kubernetes_containerd=1.5.9
	[ "$output" = "upstream: p: Kubernetes 1.30 needs containerd 1.6.0 or newer, but the node has 1.5.9" ]
	run -1 up --supported --files -D kubernetes_kubeadm_api=v1beta4
	[ "$output" = "upstream: p: kubeadm 1.30 needs kubeadm_api = v1beta3, not v1beta4" ]
}

@test "--source: any image, at its mirror, by tag or digest" {
	[ "$(upstream --source a.example/b/c:1)" = a.example/b/c:1 ]
	[ "$(upstream --image-mirror 'a.example=127.0.0.1:5/a other.example/x' --source a.example/b/c:1)" = 127.0.0.1:5/a/b/c:1 ]
	[ "$(upstream --image-mirror 'a.example=127.0.0.1:5/a other.example/x' --source "d.example/b/c:1@sha256:$HEX")" = "other.example/x/b/c@sha256:$HEX" ]
}

@test "usage errors, and settings that are missing or invalid" {
	refuses upstream 'nothing to do'
	refuses upstream 'no operands are taken' --files x
	refuses upstream '--provider is needed' --files
	refuses upstream 'only one of *' --files --images
	refuses upstream '--lock and --write exclude each other' --lock x --write y
	refuses upstream "'x' is not NAME=VALUE" -D x
	refuses upstream 'p: \[kubernetes\] version is not set' -p p --files
	run -2 up -D images_etcd= --images
	[ "$output" = "upstream: p: [images] etcd is not set" ]
	run -2 up -D conformance_images=agnhost --files
	[ "$output" = "upstream: [conformance] images: agnhost: not HOST/NAME:TAG; its digest is looked up" ]
}
