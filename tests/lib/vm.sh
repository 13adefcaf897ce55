# SPDX-License-Identifier: Apache-2.0
# Modules of Debian's kernel that commands need in tests/vm/run. Sourced.
# The built-in network of pods.
NETWORK_MODULES="veth bridge br_netfilter sch_tbf nf_tables nft_chain_nat nft_masq nft_nat nft_ct nft_fib_inet nft_reject_inet nf_conntrack_netlink"
