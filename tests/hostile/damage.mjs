// What reader.mjs and bundles.mjs read: whole ones, damaged. As damaged() in reader.py.

/** Each a 32-bit size and so many bytes. */
export function framesOf(content) {
  const found = []
  for (let at = 0; at < content.length;) {
    const size = content.readUInt32LE(at)
    found.push(Uint8Array.from(content.subarray(at + 4, at + 4 + size)))
    at += 4 + size
  }
  return found
}

/** Chances by a seed (xorshift32), so that a seed is a bug report. */
export function damages(seed) {
  let state = seed || 1
  function below(bound) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % bound
  }

  /** Bits, bytes and words changed, mostly few; now and then the end cut off. */
  function damaged(frames) {
    const frame = frames[below(frames.length)].slice()
    for (let left = [1, 1, 1, 2, 3, 8][below(6)]; left > 0; --left) {
      const how = below(10)
      if (how < 5) frame[below(frame.length)] ^= 1 << below(8)
      else if (how < 8) frame[below(frame.length)] = [0, 1, 0x7f, 0x80, 0xff, below(256)][below(6)]
      else {
        const from = 8 * below(frame.length / 8)
        frame.copyWithin(8 * below(frame.length / 8), from, from + 8)
      }
    }
    return below(20) === 0 ? frame.subarray(0, 8 * below(frame.length / 8)) : frame
  }
  return { below, damaged }
}
