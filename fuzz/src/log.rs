//! What the fuzz target of the log reader checks. It takes any bytes and panics if a promise does not
//! hold. `crates/avm-store/tests/regressions.rs` includes this file and calls the same function with
//! every file of `fuzz/regressions/log_reader`.
//!
//! The reader must end, must not panic, and must not take more memory than there are bytes. What it
//! accepts must be what the writer gives for the same records, so that no two files say the same.

use std::io::Cursor;
use std::path::Path;

use avm_store::{LogReader, LogWriter, Record};

/// Reads a log to its end and writes it again.
pub fn log_reader(bytes: &[u8]) {
    let path = Path::new("fuzz");
    let Ok(mut reader) = LogReader::new(Cursor::new(bytes), path) else {
        return;
    };
    let header = reader.header().clone();
    let mut writer = LogWriter::new(Vec::new(), path, &header).expect("limits are the same");
    let mut plain = true;
    let mut commits = 0;
    while let Ok(Some((at, record))) = reader.next_record() {
        assert_eq!(at % 8, 0);
        assert!(reader.offset() <= bytes.len() as u64);
        match record {
            Record::Input { index, bytes, .. } => {
                assert_eq!(index + 1, reader.head().len);
                writer.input(&bytes).expect("memory takes everything");
            }
            Record::Claim(claim) => plain &= writer.claim(&claim).is_ok(),
            Record::Commit(_) => commits += 1,
            _ => plain = false,
        }
        if !plain {
            break;
        }
    }
    if plain && commits == 1 && reader.is_committed() {
        let again = writer.finish().expect("memory takes everything");
        assert_eq!(again, bytes[..again.len()]);
    }
}
