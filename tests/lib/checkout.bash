# A checkout of the test's own, for what works on providers as they are written down: `load lib/checkout` after lib/common.
# shellcheck shell=bash

# checkout: $T: mk/ as it is, and no provider and no manifest but the test's.
checkout() {
	T=$BATS_TEST_TMPDIR/top
	mkdir -p "$T/providers" "$T/manifests"
	cp -R "$TOP/mk" "$T/mk"
}

# provider_ini DESCRIPTION: what every provider.ini has to have.
provider_ini() {
	cat <<-END
		[provider]
		description = $1

		[debian]
		suite = bookworm

		[node]
		memory = 1G
		cpus = 1
		disk = 1G
	END
}
