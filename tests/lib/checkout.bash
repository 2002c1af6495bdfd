# A checkout of the test's own, for tests that change providers: `load lib/checkout` after lib/common.
# shellcheck shell=bash

# checkout: create the checkout $T: a copy of mk/, without providers and manifests.
checkout() {
	T=$BATS_TEST_TMPDIR/top
	mkdir -p "$T/providers" "$T/manifests"
	cp -R "$TOP/mk" "$T/mk"
}

# provider_ini DESCRIPTION: print the settings that every provider.ini must have.
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
