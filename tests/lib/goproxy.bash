# A Go module proxy of files, for the tests of modules: `load lib/goproxy` after lib/common. The modules are the tests' own.
# shellcheck shell=bash

# go_publish PATH VERSION: the files of the directory mod, as this version of the module in the proxy $PROXY_DIR.
go_publish() {
	local dir
	# https://go.dev/ref/mod#goproxy-protocol: a capital letter is written as ! and the small one.
	dir=$PROXY_DIR/$(sed 's/[A-Z]/!\L&/g' <<< "$1")/@v
	mkdir -p "$dir"
	echo "$2" >> "$dir/list"
	printf '{"Version":"%s","Time":"2026-01-01T00:00:00Z"}' "$2" > "$dir/$2.info"
	cp mod/go.mod "$dir/$2.mod"
	# shellcheck disable=SC2016 # perl's variables
	(cd mod && find . -type f -printf '%P\n' | sort) | perl -MIO::Compress::Zip -e '
		my ($to, $prefix) = @ARGV;
		my $zip;
		while (my $name = <STDIN>) {
			chomp $name;
			if ($zip) { $zip->newStream(Name => "$prefix/$name") } else { $zip = IO::Compress::Zip->new($to, Name => "$prefix/$name") }
			open my $f, "<:raw", "mod/$name" or die;
			local $/;
			print $zip scalar <$f>;
		}
		$zip->close' "$dir/$2.zip" "$1@$2"
	rm -r mod
}

# go_library PATH VERSION [GO-MOD-LINE...]: publish a module with one package that imports nothing.
go_library() {
	mkdir -p mod
	printf '%s\n' "module $1" '' "go 1.24.0" "${@:3}" > mod/go.mod
	echo 'package p' > mod/p.go
	go_publish "$1" "$2"
}

# go_kubernetes VERSION ETCD GO "STAGING-NAME ..." [API]: publish a Kubernetes with a kubeadm that wants this etcd, has the API
# v1beta4 and older or only the one given, and imports the staging modules, which are published too, and example.test/dep. 1.36
# behaves as if compiled with Go 1.23.
go_kubernetes() {
	local name constants=mod/cmd/kubeadm/app/constants api=mod/cmd/kubeadm/app/apis/kubeadm
	for name in $4; do go_library "k8s.io/$name" "v0.${1#*.}"; done
	mkdir -p "$constants"
	{
		printf 'module k8s.io/kubernetes\n\ngo %s\n\nrequire (\n\texample.test/dep v1.%s.0\n' "$3" "$(cut -d. -f2 <<< "$1")"
		for name in $4; do printf '\tk8s.io/%s v0.0.0\n' "$name"; done
		printf ')\n\n'
		[[ $1 != 1.36.* ]] || printf 'godebug default=go1.23\n\n'
		printf 'replace (\n'
		for name in $4; do printf '\tk8s.io/%s => ./staging/src/k8s.io/%s\n' "$name" "$name"; done
		printf ')\n'
	} > mod/go.mod
	{
		printf 'package main\n\nimport _ "example.test/dep"\n'
		for name in $4; do printf 'import _ "k8s.io/%s"\n' "$name"; done
		printf '\nfunc main() {}\n'
	} > mod/cmd/kubeadm/main.go
	printf 'package constants\n\nconst (\n\tDefaultEtcdVersion = "%s"\n\tCoreDNSVersion = "v1.14.9"\n\t// of the image\n\tPauseVersion = "3.10.2"\n)\n' "$2" > "$constants/constants.go"
	for name in ${5:-v1beta3 v1beta4}; do
		mkdir -p "$api/$name"
		echo "package $name" > "$api/$name/doc.go"
	done
	go_publish k8s.io/kubernetes "v$1"
}

# go_etcd VERSION: publish an etcd: a server and etcdctl, modules of the same version.
go_etcd() {
	local name
	go_library go.etcd.io/etcd/api/v3 "v$1"
	for name in server etcdctl; do
		mkdir -p mod
		printf 'module go.etcd.io/etcd/%s/v3\n\ngo 1.24.0\n\nrequire go.etcd.io/etcd/api/v3 v%s\n' "$name" "$1" > mod/go.mod
		printf 'package main\n\nimport _ "go.etcd.io/etcd/api/v3"\n\nfunc main() {}\n' > mod/main.go
		go_publish "go.etcd.io/etcd/$name/v3" "v$1"
	done
}
