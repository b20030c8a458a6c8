//! Servers that write to a bare socket, for faults that a correct HTTP server would never have. Each server has its own
//! thread, so that the server continues while nothing polls the client's runtime.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

pub use crate::documents::listen;

/// A listener that calls a function with each connection and the number of the connection, starting from 0.
pub struct Raw {
    pub address: SocketAddr,
    begun: Arc<AtomicUsize>,
    done: Arc<AtomicUsize>,
}

impl Raw {
    /// Starts a listener. It calls `talk` for one connection after another, and closes a connection when `talk` returns.
    pub fn start(mut talk: impl FnMut(usize, &mut TcpStream) + Send + 'static) -> Self {
        let listener = listen("127.0.0.1");
        let address = listener.local_addr().unwrap();
        let (begun, done) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let counts = (Arc::clone(&begun), Arc::clone(&done));
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let Ok(mut stream) = stream else { return };
                counts.0.fetch_add(1, Ordering::SeqCst);
                talk(number, &mut stream);
                // A child process of another test can hold a copy of the socket for a moment. The shutdown does not wait for it.
                let _ = stream.shutdown(Shutdown::Write);
                drop(stream);
                counts.1.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self {
            address,
            begun,
            done,
        }
    }

    /// Returns how many connections the listener has accepted so far.
    pub fn connections(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    /// Waits until the listener has closed this number of connections.
    pub fn wait_until_closed(&self, connections: usize) {
        while self.done.load(Ordering::SeqCst) < connections {
            thread::yield_now();
        }
    }
}

/// Reads an HTTP/1.1 request, and returns its first line. Returns `None` if the connection ends before the request is complete.
pub fn request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    let head = String::from_utf8(head).ok()?;
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.trim().parse().unwrap());
    stream.read_exact(&mut vec![0; length]).ok()?;
    head.lines().next().map(str::to_owned)
}

/// Returns the bytes of an HTTP/1.1 answer.
pub fn answer(status: u16, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} whatever\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An HTTP/2 frame.
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const GOAWAY: u8 = 7;

impl Frame {
    pub fn read(stream: &mut TcpStream) -> io::Result<Self> {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let [a, b, c, kind, flags, s, t, u, v] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload)?;
        Ok(Self {
            kind,
            flags,
            stream: u32::from_be_bytes([s & 0x7f, t, u, v]),
            payload,
        })
    }

    pub fn write(
        stream: &mut TcpStream,
        kind: u8,
        flags: u8,
        id: u32,
        payload: &[u8],
    ) -> io::Result<()> {
        let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(id.to_be_bytes());
        frame.extend(payload);
        stream.write_all(&frame)
    }

    /// Checks whether the frame is the last one of the request on its stream.
    pub fn ends_request(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & 1 != 0
    }
}

/// Reads the connection preface of an HTTP/2 client, and sends the settings of the server.
pub fn greet(stream: &mut TcpStream) -> io::Result<()> {
    greet_with(stream, &[])
}

/// Reads the connection preface of an HTTP/2 client, and sends these settings of the server.
pub fn greet_with(stream: &mut TcpStream, settings: &[u8]) -> io::Result<()> {
    stream.read_exact(&mut [0; 24])?;
    Frame::write(stream, SETTINGS, 0, 0, settings)
}

/// Starts an HTTP/2 server that allows so many streams at a time on its first connection, and 100 on the others. It calls
/// `on_request` with the last frame of each request, and closes the connection when that returns `false`.
pub fn http2(
    streams: u8,
    mut on_request: impl FnMut(&Frame, &mut TcpStream) -> io::Result<bool> + Send + 'static,
) -> Raw {
    Raw::start(move |connection, stream| {
        let streams = if connection == 0 { streams } else { 100 };
        let mut serve = || -> io::Result<()> {
            // The setting 3 is SETTINGS_MAX_CONCURRENT_STREAMS.
            greet_with(stream, &[0, 3, 0, 0, 0, streams])?;
            loop {
                let frame = Frame::read(stream)?;
                if frame.ends_request() && !on_request(&frame, stream)? {
                    return Ok(());
                }
            }
        };
        let _ = serve();
    })
}

/// Sends an HTTP/2 answer with the status 200 and this body.
pub fn answer_stream(stream: &mut TcpStream, id: u32, body: &str) -> io::Result<()> {
    // The header `:status: 200` is entry 8 of the static table of HPACK.
    Frame::write(stream, HEADERS, 4, id, &[0x88])?;
    Frame::write(stream, DATA, 1, id, body.as_bytes())
}
