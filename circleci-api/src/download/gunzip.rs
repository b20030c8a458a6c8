//! Decompresses gzip data while it arrives. Data that is not gzip passes through unchanged.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::GzDecoder;

const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Takes a block of at most `size` bytes from the front of `piece`. A server may send half a megabyte at once, which may be a
/// thousand times as large when decompressed. So pass on the output of each block before you take the next block.
pub(crate) fn block(piece: &mut Bytes, size: usize) -> Option<Bytes> {
    (!piece.is_empty()).then(|| piece.split_to(piece.len().min(size)))
}

/// Decompresses one file. The first bytes of the file tell whether it is compressed. The HTTP headers cannot tell this: storage
/// services send the file as it was uploaded, and the HTTP client may already have decompressed it.
#[derive(Default)]
pub(crate) struct Gunzip {
    kind: Kind,
}

#[derive(Default)]
enum Kind {
    /// No bytes have arrived. Two bytes are needed to know whether the file is compressed.
    #[default]
    Empty,
    OneByte,
    Plain,
    /// Inside a member of a gzip file. A gzip file may have several members, one after the other.
    Packed(Box<GzDecoder<Vec<u8>>>),
    BetweenMembers,
    /// In the zeros after the last member. Tapes and some storage services fill their blocks with zeros, which gzip ignores.
    Padding,
}

impl Gunzip {
    /// Decompresses a [`block`] and passes the output to `out`.
    pub(crate) fn push(
        &mut self,
        mut block: &[u8],
        out: &mut impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        while let [first, ..] = *block {
            match &mut self.kind {
                Kind::Plain => return out(block),
                Kind::Packed(decoder) => {
                    let read = decoder.write(block);
                    // If `write` failed, the output before the error is still valid.
                    hand_on(decoder, out)?;
                    let read = read?;
                    block = &block[read..];
                    if read == 0 {
                        let end = decoder.try_finish();
                        hand_on(decoder, out)?;
                        end?;
                        self.kind = Kind::BetweenMembers;
                    }
                }
                Kind::BetweenMembers if first == 0 => self.kind = Kind::Padding,
                Kind::BetweenMembers => self.kind = packed(),
                Kind::Padding if block.iter().all(|byte| *byte == 0) => return Ok(()),
                Kind::Padding => {
                    return Err(io::Error::other(
                        "there is data after the end of the gzip file",
                    ));
                }
                Kind::Empty if first == MAGIC[0] => {
                    self.kind = Kind::OneByte;
                    block = &block[1..];
                }
                Kind::Empty => self.kind = Kind::Plain,
                Kind::OneByte if first == MAGIC[1] => {
                    let mut decoder = decoder();
                    decoder.write_all(&MAGIC[..1])?;
                    self.kind = Kind::Packed(decoder);
                }
                Kind::OneByte => {
                    self.kind = Kind::Plain;
                    out(&MAGIC[..1])?;
                }
            }
        }
        Ok(())
    }

    /// Finishes the decompression and passes the remaining output to `out`. Fails if the compressed data is incomplete.
    pub(crate) fn finish(
        &mut self,
        mut out: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        match std::mem::take(&mut self.kind) {
            Kind::Empty | Kind::Plain | Kind::BetweenMembers | Kind::Padding => Ok(()),
            Kind::OneByte => out(&MAGIC[..1]),
            Kind::Packed(mut decoder) => {
                let end = decoder.try_finish();
                hand_on(&mut decoder, &mut out)?;
                end
            }
        }
    }
}

fn hand_on(
    decoder: &mut GzDecoder<Vec<u8>>,
    out: &mut impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let unpacked = decoder.get_mut();
    out(unpacked)?;
    unpacked.clear();
    Ok(())
}

fn packed() -> Kind {
    Kind::Packed(decoder())
}

fn decoder() -> Box<GzDecoder<Vec<u8>>> {
    Box::new(GzDecoder::new(Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};

    fn pack(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(bytes: &[u8], step: usize) -> io::Result<Vec<u8>> {
        let (mut gunzip, mut got) = (Gunzip::default(), Vec::new());
        for piece in bytes.chunks(step) {
            let mut piece = Bytes::copy_from_slice(piece);
            while let Some(block) = block(&mut piece, 1000) {
                gunzip.push(&block, &mut |bytes: &[u8]| {
                    got.extend_from_slice(bytes);
                    Ok(())
                })?;
            }
        }
        gunzip.finish(|bytes| {
            got.extend_from_slice(bytes);
            Ok(())
        })?;
        Ok(got)
    }

    #[test]
    fn it_unpacks_what_is_packed_whatever_the_pieces() {
        let text = b"organization_id,total_credits\n".repeat(999);
        let two = [pack(&text), pack(b"more")].concat();
        for step in [1, 2, 7, 4096, 1 << 20] {
            assert_eq!(unpack(&pack(&text), step).unwrap(), text);
            assert_eq!(unpack(&two, step).unwrap(), [&text[..], b"more"].concat());
            for plain in [&b""[..], b"x", b"\x1f", b"\x1fx", &text] {
                assert_eq!(unpack(plain, step).unwrap(), plain);
            }
            for zeros in [1, 9, 10, 512, 5000] {
                let padded = [two.clone(), vec![0; zeros]].concat();
                assert_eq!(
                    unpack(&padded, step).unwrap(),
                    [&text[..], b"more"].concat()
                );
                assert!(unpack(&[padded, b"x".to_vec()].concat(), step).is_err());
            }
            assert!(unpack(&[pack(&text), b"garbage".to_vec()].concat(), step).is_err());
            let (whole, packed_only) = (pack(&text), pack(b""));
            assert_eq!(unpack(&packed_only, step).unwrap(), b"");
            for length in [3, 10, 60, whole.len() - 8, whole.len() - 1] {
                assert!(unpack(&whole[..length], step).is_err(), "{length}");
            }
            // The compressed text is complete, but its checksum is cut off.
            let mut got = Vec::new();
            let mut take = |bytes: &[u8]| {
                got.extend_from_slice(bytes);
                Ok(())
            };
            let mut gunzip = Gunzip::default();
            gunzip.push(&whole[..whole.len() - 4], &mut take).unwrap();
            assert!(gunzip.finish(&mut take).is_err());
            assert_eq!(got, text);
        }
    }
}
