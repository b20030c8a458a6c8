//! gzip, as it comes in; what is none passes through.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;

const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Takes a block off a piece of a file. Unpacked it becomes at most a thousand times as much, which has to be handed on before
/// the next one is taken: a server may send half a megabyte at once.
pub(crate) fn block(piece: &mut Bytes, size: usize) -> Option<Bytes> {
    (!piece.is_empty()).then(|| piece.split_to(piece.len().min(size)))
}

/// Unpacks one file. Whether it is packed is seen from its first bytes and not from a header: storage sends what it was given,
/// and the HTTP client may have unpacked it already.
#[derive(Default)]
pub(crate) struct Gunzip {
    kind: Kind,
}

#[derive(Default)]
enum Kind {
    /// Not known before two bytes are there.
    #[default]
    Empty,
    OneByte,
    Plain,
    Packed(Box<MultiGzDecoder<Vec<u8>>>),
}

impl Gunzip {
    /// Hands what a [`block`] holds on to `out`.
    pub(crate) fn push(
        &mut self,
        block: &[u8],
        out: &mut impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        match (&mut self.kind, block) {
            (_, []) => Ok(()),
            (Kind::Plain, _) => out(block),
            (Kind::Packed(decoder), _) => {
                decoder.write_all(block)?;
                let unpacked = decoder.get_mut();
                out(unpacked)?;
                unpacked.clear();
                Ok(())
            }
            (Kind::Empty, [first]) if *first == MAGIC[0] => {
                self.kind = Kind::OneByte;
                Ok(())
            }
            (Kind::Empty, _) => {
                self.kind = if block.starts_with(&MAGIC) {
                    packed()
                } else {
                    Kind::Plain
                };
                self.push(block, out)
            }
            (Kind::OneByte, [second, ..]) => {
                self.kind = if *second == MAGIC[1] {
                    packed()
                } else {
                    Kind::Plain
                };
                self.push(&MAGIC[..1], out)?;
                self.push(block, out)
            }
        }
    }

    /// The end of the file, which must be the end of what was packed.
    pub(crate) fn finish(
        &mut self,
        mut out: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        match std::mem::take(&mut self.kind) {
            Kind::Empty | Kind::Plain => Ok(()),
            Kind::OneByte => out(&MAGIC[..1]),
            Kind::Packed(decoder) => out(&decoder.finish()?),
        }
    }
}

fn packed() -> Kind {
    Kind::Packed(Box::new(MultiGzDecoder::new(Vec::new())))
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
            let cut = &pack(&text)[..60];
            assert!(unpack(cut, step).is_err());
        }
    }
}
