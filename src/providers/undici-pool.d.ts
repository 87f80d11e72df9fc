// What undici has in this file of its own, which it gives no types for: the pool alone, without all that a browser has.
declare module 'undici/lib/dispatcher/pool.js' {
  // biome-ignore lint/style/noDefaultExport: it is undici's, and CommonJS has no other.
  export { Pool as default } from 'undici'
}
