#!/usr/bin/perl
# fields.pl SCHEMA...: check the YAML documents on standard input, in the style of our kubeadm templates, against the schemas
# (lines KIND PATH TYPE). Prints "KIND apiVersion API", and each field as "KIND PATH VALUE". A field that is not documented or
# has another type is an error.
use strict;
use warnings;
use CPAN::Meta::YAML;

my (%type, $failed);
for my $file (@ARGV) {
	open my $f, '<', $file or die "$file: $!";
	while (<$f>) {
		my ($kind, $path, $type) = /^(\w+) (\S+) (\w+)$/ or next;
		$type{"$kind $path"} = $type;
	}
}
my %is = (
	string => qr/^[^\[{].*$/, list => qr/^\[.*\]$/, map => qr/^\{ .+: (true|false)( *,.*)? \}$/, int => qr/^\d+$/,
	empty => qr/^\{\}$/, bool => qr/^(true|false)$/, duration => qr/^(\d+h)?(\d+m)?(\d+s)?$/,
);
my $text = do { local $/; <STDIN> };
# This small parser cannot read lists and maps on one line: pass them as strings. It drops double quotes: remember which values
# had them.
my %quoted;
$text =~ s/^((?:\s*- )?\s*[\w.-]+: )(\[.*\]|\{.*\})$/$1'$2'/mg;
$quoted{$1} = 1 while $text =~ /: "([^"]*)"$/mg;

sub walk {
	my ($kind, $path, $node) = @_;
	if (ref $node eq 'HASH') { walk($kind, length $path ? "$path.$_" : $_, $node->{$_}) for sort keys %$node; return }
	if (ref $node eq 'ARRAY') { walk($kind, $path . '[]', $_) for @$node; return }
	my $type = $type{"$kind $path"};
	(my $any = $path) =~ s/(extraArgs|evictionHard)\..*/$1.*/;
	$type //= $type{"$kind $any"};
	$node //= '';
	if (!defined $type) { warn "$kind $path: not documented\n"; $failed = 1 }
	elsif ($node !~ $is{$type}) { warn "$kind $path: '$node' does not have the type $type\n"; $failed = 1 }
	elsif ($path =~ /extraArgs/ && $node =~ /^(true|false|\d+)$/ && !$quoted{$node}) {
		warn "$kind $path: $node must be quoted to be a string\n";
		$failed = 1;
	}
	print "$kind $path $node\n";
}
for my $doc (@{ CPAN::Meta::YAML->read_string($text) }) {
	my $kind = delete $doc->{kind};
	print "$kind apiVersion ", delete $doc->{apiVersion}, "\n";
	walk($kind, '', $doc);
}
exit($failed ? 1 : 0);
