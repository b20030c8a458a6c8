//! Decompresses answers if the feature `gzip` is enabled.
//!
//! reqwest can decompress answers too, but only for all requests of a client at once. It would therefore also decompress
//! downloads, where a compressed file must stay unchanged.

#[cfg(not(feature = "gzip"))]
pub(super) use without::{beginning, body};

#[cfg(feature = "gzip")]
pub(super) use with::{beginning, body};

#[cfg(not(feature = "gzip"))]
mod without {
    use std::borrow::Cow;

    use bytes::Bytes;
    use http::HeaderMap;

    use crate::error::Error;

    pub(in crate::transport) fn body(
        _: &mut HeaderMap,
        body: Bytes,
        _: usize,
    ) -> Result<Bytes, Error> {
        Ok(body)
    }

    pub(in crate::transport) fn beginning<'b>(
        _: &HeaderMap,
        body: &'b [u8],
        _: usize,
    ) -> Cow<'b, [u8]> {
        Cow::Borrowed(body)
    }
}

#[cfg(feature = "gzip")]
mod with {
    use std::borrow::Cow;
    use std::io::{self, Read};

    use bytes::Bytes;
    use flate2::bufread::GzDecoder;
    use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
    use http::{HeaderMap, HeaderValue};

    use crate::error::{Error, ErrorKind};

    /// The first bytes of gzip.
    const MAGIC: &[u8] = &[0x1f, 0x8b];

    /// Returns the decompressed body, and removes the headers that describe the compressed body. Returns an error if the
    /// decompressed body has more than `limit` bytes.
    pub(in crate::transport) fn body(
        headers: &mut HeaderMap,
        body: Bytes,
        limit: usize,
    ) -> Result<Bytes, Error> {
        // A proxy may have decompressed the body and kept the header.
        if !is_gzip(headers) || !body.starts_with(MAGIC) {
            return Ok(body);
        }
        let (plain, end) = unpack(&body, limit.saturating_add(1));
        if plain.len() > limit {
            return Err(
                Error::new(ErrorKind::TooLarge).with_message(format!("more than {limit} bytes"))
            );
        }
        if let Err(error) = end {
            // The body may have been cut off, so a retry may succeed.
            return Err(Error::new(ErrorKind::Transport)
                .with_message(format!("the body is not valid gzip: {error}")));
        }
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
        Ok(plain.into())
    }

    /// Decompresses the beginning of a body that may be cut off. Returns at most `limit` decompressed bytes.
    pub(in crate::transport) fn beginning<'b>(
        headers: &HeaderMap,
        body: &'b [u8],
        limit: usize,
    ) -> Cow<'b, [u8]> {
        if !is_gzip(headers) {
            return Cow::Borrowed(body);
        }
        match unpack(body, limit) {
            // The body is not compressed, although the header says so.
            (plain, Err(_)) if plain.is_empty() => Cow::Borrowed(body),
            (plain, _) => Cow::Owned(plain),
        }
    }

    fn is_gzip(headers: &HeaderMap) -> bool {
        let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
        let is_gzip = |value: &HeaderValue| {
            let value = value.as_bytes().trim_ascii();
            value.eq_ignore_ascii_case(b"gzip") || value.eq_ignore_ascii_case(b"x-gzip")
        };
        encodings.next().is_some_and(is_gzip) && encodings.next().is_none()
    }

    /// Returns at most `limit` decompressed bytes, and whether the decompression succeeded. Zeros after the last member are padding.
    fn unpack(mut body: &[u8], limit: usize) -> (Vec<u8>, io::Result<()>) {
        let mut plain = Vec::new();
        loop {
            let mut member = GzDecoder::new(body);
            let left = u64::try_from(limit - plain.len()).unwrap_or(u64::MAX);
            if let Err(error) = (&mut member).take(left).read_to_end(&mut plain) {
                return (plain, Err(error));
            }
            body = member.into_inner();
            if plain.len() == limit || body.iter().all(|byte| *byte == 0) {
                return (plain, Ok(()));
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use std::io::Write;

        use flate2::{Compression, write::GzEncoder};

        use super::*;

        fn pack(text: &str) -> Bytes {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap().into()
        }

        fn headers(encoding: &'static str) -> HeaderMap {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("4711"));
            headers
        }

        #[test]
        fn a_compressed_body_is_unpacked_within_the_limit() {
            let text = "x".repeat(5000);
            let mut packed = headers("GZip");
            assert_eq!(body(&mut packed, pack(&text), 5000).unwrap(), text);
            assert!(packed.is_empty(), "{packed:?}");
            let members = [&pack("a")[..], &pack("b")[..], &[0; 9]].concat();
            let members = body(&mut headers("gzip"), members.into(), 5000);
            assert_eq!(members.unwrap(), "ab");
            let garbage = [&pack("a")[..], b"garbage"].concat();
            let error = body(&mut headers("gzip"), garbage.into(), 5000).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Transport);
            let error = body(&mut headers("gzip"), pack(&text), 4999).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TooLarge);
            let cut = pack(&text);
            let error = body(&mut headers("gzip"), cut.slice(..cut.len() - 3), 5000).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Transport);
        }

        #[test]
        fn any_other_body_stays_as_it_is() {
            for encoding in ["identity", "br", "gzip, gzip"] {
                let mut kept = headers(encoding);
                assert_eq!(body(&mut kept, Bytes::from_static(b"{}"), 9).unwrap(), "{}");
                assert_eq!(kept.len(), 2);
            }
            assert_eq!(body(&mut headers("gzip"), Bytes::new(), 9).unwrap(), "");
            // The header is wrong.
            let plain = Bytes::from_static(b"{\"a\":1}");
            assert_eq!(body(&mut headers("gzip"), plain.clone(), 9).unwrap(), plain);
        }

        #[test]
        fn the_beginning_of_a_refusal_is_readable() {
            let text = r#"{"message":"no"}"#;
            assert_eq!(
                &*beginning(&headers("gzip"), &pack(text), 99),
                text.as_bytes()
            );
            assert_eq!(&*beginning(&headers("gzip"), &pack(text), 5), b"{\"mes");
            assert_eq!(&*beginning(&headers("gzip"), b"plain", 99), b"plain");
        }
    }
}
