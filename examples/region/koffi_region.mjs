// Reads a region, or writes one, with koffi and libpolybus.so alone: how any language with a foreign-function interface can
// join. Usage: koffi_region.mjs NAME [TEXT]. The library: POLYBUS_LIBRARY, else build/lib.
import { fileURLToPath } from 'node:url'
import koffi from 'koffi'

const EMPTY = 1
const SIZE_MAX = 4096

const library = koffi.load(
  process.env.POLYBUS_LIBRARY ?? fileURLToPath(new URL('../../build/lib/libpolybus.so', import.meta.url)),
)
koffi.struct('polybus_error', { code: 'int32_t', message: koffi.array('char', 512) })
koffi.opaque('polybus_node')
koffi.opaque('polybus_region')
const open = library.func('int polybus_node_open(const char *name, _Out_ polybus_node **out, _Out_ polybus_error *err)')
const create = library.func(
  'int polybus_region_create(polybus_node *node, const char *name, size_t size, _Out_ polybus_region **out, _Out_ polybus_error *err)',
)
const write = library.func(
  'int polybus_region_write(polybus_region *region, const void *data, size_t size, _Out_ polybus_error *err)',
)
const read = library.func(
  'int polybus_region_read(polybus_region *region, _Out_ uint8_t *data, size_t capacity, _Out_ size_t *size, _Out_ polybus_error *err)',
)
const closeRegion = library.func('void polybus_region_close(polybus_region *region)')
const closeNode = library.func('void polybus_node_close(polybus_node *node)')

const error = {}
function check(code) {
  if (code !== 0 && code !== EMPTY) throw new Error(error.message)
  return code
}

const [name = 'settings', ...words] = process.argv.slice(2)
const node = [null]
const region = [null]
check(open('region-koffi', node, error))
check(create(node[0], name, SIZE_MAX, region, error))
if (words.length > 0) {
  const value = Buffer.from(words.join(' '))
  check(write(region[0], value, value.length, error))
} else {
  const value = Buffer.alloc(SIZE_MAX)
  const size = [0]
  const empty = check(read(region[0], value, SIZE_MAX, size, error)) === EMPTY
  console.log(empty ? `(nobody has written to ${name} yet)` : value.subarray(0, Number(size[0])).toString())
}
closeRegion(region[0])
closeNode(node[0])
