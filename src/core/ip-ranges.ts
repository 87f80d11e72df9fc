// Tells addresses of the public internet from all others, after the IANA special-purpose registries.
import { BlockList, isIP } from 'node:net'

type Range = readonly [network: string, prefixBits: number]

// https://www.iana.org/assignments/iana-ipv4-special-registry, as of 2025.
const NOT_PUBLIC_V4: readonly Range[] = [
  ['0.0.0.0', 8], // "this network" (RFC 791): Linux connects to itself
  ['10.0.0.0', 8], // private (RFC 1918)
  ['100.64.0.0', 10], // shared by carriers' NAT (RFC 6598)
  ['127.0.0.0', 8], // loopback (RFC 1122)
  // Azure answers a machine's own secrets on this address, which only looks public (its "WireServer").
  ['168.63.129.16', 32],
  ['169.254.0.0', 16], // link-local (RFC 3927), where clouds serve a machine's credentials
  ['172.16.0.0', 12], // private (RFC 1918)
  ['192.0.0.0', 24], // protocol assignments (RFC 6890)
  ['192.0.2.0', 24], // documentation (RFC 5737)
  ['192.88.99.0', 24], // relays of 6to4, withdrawn (RFC 7526)
  ['192.168.0.0', 16], // private (RFC 1918)
  ['198.18.0.0', 15], // benchmarks (RFC 2544)
  ['198.51.100.0', 24], // documentation (RFC 5737)
  ['203.0.113.0', 24], // documentation (RFC 5737)
  ['224.0.0.0', 4], // multicast (RFC 5771)
  ['240.0.0.0', 4], // reserved (RFC 1112), and the broadcast address
]

// Only 2000::/3 is global unicast (RFC 4291); loopback, link-local, unique local, multicast and the IPv4-compatible
// ::/96 lie outside of it. https://www.iana.org/assignments/iana-ipv6-special-registry, as of 2025.
const GLOBAL_V6: Range = ['2000::', 3]
const NOT_PUBLIC_V6: readonly Range[] = [
  ['2001::', 23], // protocol assignments (RFC 2928), Teredo among them, which carries two IPv4 addresses
  ['2001:db8::', 32], // documentation (RFC 3849)
  ['2002::', 16], // 6to4 (RFC 3056), withdrawn, which carries an IPv4 address
  ['3fff::', 20], // documentation (RFC 9637)
]

// IPv6 forms whose last 32 bits are the IPv4 address that is really meant: IPv4-mapped (RFC 4291 2.5.5.2), and the
// well-known prefix of NAT64 (RFC 6052), which is how a network without IPv4 names every IPv4-only host.
const EMBEDDING: readonly string[] = ['::ffff:', '64:ff9b::']
const EMBEDDING_BITS = 96

// Two lists, because BlockList holds IPv4 addresses against mapped ranges too.
const blockedV4 = listOf('ipv4', NOT_PUBLIC_V4)
const allowedV6 = listOf('ipv6', [
  GLOBAL_V6,
  ...EMBEDDING.map((prefix): Range => [`${prefix}0.0.0.0`, EMBEDDING_BITS]),
])
const blockedV6 = listOf('ipv6', [
  ...NOT_PUBLIC_V6,
  ...EMBEDDING.flatMap(prefix =>
    NOT_PUBLIC_V4.map(([network, bits]): Range => [`${prefix}${network}`, EMBEDDING_BITS + bits]),
  ),
])

/**
 * Whether an IPv4 or IPv6 address, written without brackets, is of the public internet. IPv4-mapped and NAT64 addresses are
 * judged by the IPv4 address in them; IPv4-compatible, 6to4 and Teredo ones are never public, whatever they carry.
 * Whatever is no address, or names a zone, is not public. NAT64 with a prefix of one's own network can't be recognised.
 */
export function isPublicAddress(address: string): boolean {
  if (address.includes('%')) return false
  const family = isIP(address)
  if (family === 4) return !blockedV4.check(address, 'ipv4')
  return family === 6 && allowedV6.check(address, 'ipv6') && !blockedV6.check(address, 'ipv6')
}

function listOf(family: 'ipv4' | 'ipv6', ranges: readonly Range[]): BlockList {
  const list = new BlockList()
  for (const [network, prefixBits] of ranges) list.addSubnet(network, prefixBits, family)
  return list
}
