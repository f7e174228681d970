//! Rows in one block of data, also where `pg_dump` compressed it itself: then its checksums are compared on the way.

use super::rows::RowCounter;
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

/// How the data of a dump is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Packing {
    #[default]
    None,
    Gzip,
    Zstd,
    /// In a way that is not looked into.
    Opaque,
}

/// Bytes unpacked at once.
const PIECE: usize = 64 << 10;

/// Follows one block.
#[derive(Default)]
pub(super) struct BlockRows {
    counter: RowCounter,
    unpack: Unpack,
    problem: Option<&'static str>,
}

#[derive(Default)]
enum Unpack {
    #[default]
    Plain,
    /// `false` until the end of the stream was seen.
    Gzip(Box<Decompress>, bool),
    Zstd(Box<Decoder<'static>>, bool),
    Opaque,
}

const DAMAGED: &str = "compressed data in it is damaged";

impl std::fmt::Debug for BlockRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockRows").field("counter", &self.counter).finish_non_exhaustive()
    }
}

impl BlockRows {
    pub(super) fn new(packing: Packing) -> BlockRows {
        let unpack = match packing {
            Packing::None => Unpack::Plain,
            Packing::Gzip => Unpack::Gzip(Box::new(Decompress::new(true)), true),
            // A decoder that cannot be had is no reason to call the dump damaged.
            Packing::Zstd => Decoder::new().map_or(Unpack::Opaque, |decoder| Unpack::Zstd(Box::new(decoder), true)),
            Packing::Opaque => Unpack::Opaque,
        };
        BlockRows { unpack, ..BlockRows::default() }
    }

    /// Looks at the next bytes of the block.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let counter = &mut self.counter;
        let unpacked = match &mut self.unpack {
            Unpack::Plain => {
                counter.feed(bytes);
                Ok(())
            }
            Unpack::Gzip(stream, is_over) => inflate(stream, is_over, bytes, counter),
            Unpack::Zstd(decoder, is_over) => decode(decoder, is_over, bytes, counter),
            Unpack::Opaque => Ok(()),
        };
        if unpacked.is_err() {
            self.problem = Some(DAMAGED);
            self.unpack = Unpack::Opaque;
        }
    }

    /// The rows; `None` when they cannot be counted.
    pub(super) fn finish(&self) -> Result<Option<u64>, &'static str> {
        match (&self.unpack, self.problem) {
            (_, Some(problem)) => Err(problem),
            (Unpack::Gzip(_, false) | Unpack::Zstd(_, false), None) => Err(DAMAGED),
            (Unpack::Opaque, None) => Ok(None),
            _ => Ok(Some(self.counter.rows())),
        }
    }
}

/// Unpacks zlib as far as it goes.
fn inflate(stream: &mut Decompress, is_over: &mut bool, bytes: &[u8], counter: &mut RowCounter) -> Result<(), ()> {
    let mut rest = bytes;
    let mut out = vec![0; PIECE];
    loop {
        let (read, written) = (stream.total_in(), stream.total_out());
        let status = stream.decompress(rest, &mut out, FlushDecompress::None).map_err(drop)?;
        let n_read = usize::try_from(stream.total_in() - read).map_err(drop)?;
        let n_written = usize::try_from(stream.total_out() - written).map_err(drop)?;
        counter.feed(&out[..n_written]);
        rest = &rest[n_read..];
        *is_over = status == Status::StreamEnd;
        if *is_over {
            return if rest.is_empty() { Ok(()) } else { Err(()) };
        }
        if rest.is_empty() && n_written < PIECE {
            return Ok(());
        }
        if n_read == 0 && n_written == 0 {
            return Err(());
        }
    }
}

fn decode(decoder: &mut Decoder<'_>, is_over: &mut bool, bytes: &[u8], counter: &mut RowCounter) -> Result<(), ()> {
    let mut input = InBuffer::around(bytes);
    let mut out = vec![0; PIECE];
    loop {
        let mut output = OutBuffer::around(&mut out[..]);
        let missing = decoder.run(&mut input, &mut output).map_err(drop)?;
        let written = output.as_slice();
        counter.feed(written);
        *is_over = missing == 0;
        if input.pos() == bytes.len() && written.len() < PIECE {
            return Ok(());
        }
    }
}
