# SPDX-License-Identifier: Apache-2.0
# Modules of Debian's kernel that commands need in tests/vm/run. Sourced.
# The built-in network of pods.
NETWORK_MODULES="veth bridge br_netfilter sch_tbf nf_tables nft_chain_nat nft_masq nft_nat nft_ct nft_fib_inet nft_reject_inet nf_conntrack_netlink tcp_diag udp_diag"
# Rules of iptables, which are nftables underneath, and what nft reads them with.
IPTABLES_MODULES="nft_compat xt_nat xt_MASQUERADE xt_mark xt_addrtype xt_comment xt_conntrack xt_multiport xt_tcpudp"
XTABLES=$(echo /usr/lib/*/xtables)
SCTP_MODULES="sctp sctp_diag xt_sctp"
