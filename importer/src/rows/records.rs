//! Where one record ends and the next begins, with a limit on its length. It never looks inside.

use std::io::{self, BufRead, Cursor, Read};

use super::RECORD_BYTES_MAX;

/// One record's bytes, without its line break.
pub(super) struct Record {
    /// The line on which it starts, from 1.
    pub(super) line: u64,
    /// Its bytes, or why they are not to be had.
    pub(super) bytes: Result<Vec<u8>, String>,
}

/// The records of a file.
pub(super) struct Records<R> {
    /// Lines that were taken for part of a record and turned out not to be; read again before `reader`.
    returned: Cursor<Vec<u8>>,
    reader: R,
    quoted: bool,
    line: u64,
}

enum Line {
    End,
    Whole,
    TooLong,
}

impl<R: BufRead> Records<R> {
    /// Every line is a record.
    pub(super) fn lines(reader: R) -> Self {
        Self { returned: Cursor::default(), reader, quoted: false, line: 0 }
    }

    /// A line break inside double quotes belongs to the record.
    pub(super) fn quoted(reader: R) -> Self {
        Self { quoted: true, ..Self::lines(reader) }
    }

    /// The line that was read last, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Appends the next line, line break included; of a line that is too long, nothing.
    fn read_line(&mut self, into: &mut Vec<u8>) -> io::Result<Line> {
        let room = (RECORD_BYTES_MAX + 1) as u64;
        let start = into.len();
        let mut read = self.returned.by_ref().take(room).read_until(b'\n', into)?;
        if read == 0 || into.last() != Some(&b'\n') {
            read += self.reader.by_ref().take(room - read as u64).read_until(b'\n', into)?;
        }
        if read == 0 {
            return Ok(Line::End);
        }
        self.line += 1;
        if into.last() != Some(&b'\n') && read as u64 == room {
            into.truncate(start);
            if !skip_line(&mut self.returned)? {
                skip_line(&mut self.reader)?;
            }
            return Ok(Line::TooLong);
        }
        Ok(Line::Whole)
    }

    fn read_record(&mut self) -> io::Result<Option<Record>> {
        let mut bytes = Vec::new();
        let too_long = || Err(format!("the line is longer than {RECORD_BYTES_MAX} bytes"));
        match self.read_line(&mut bytes)? {
            Line::End => return Ok(None),
            Line::TooLong => return Ok(Some(Record { line: self.line, bytes: too_long() })),
            Line::Whole => {}
        }
        let (line, first_line_bytes) = (self.line, bytes.len());
        let mut checked = 0;
        let mut inside_quotes = false;
        while self.quoted {
            inside_quotes ^= bytes[checked..].iter().filter(|byte| **byte == b'"').count() % 2 == 1;
            checked = bytes.len();
            if !inside_quotes {
                break;
            }
            let ended = match self.read_line(&mut bytes)? {
                Line::Whole => bytes.len() > RECORD_BYTES_MAX,
                Line::End => true,
                Line::TooLong => return Ok(Some(Record { line, bytes: too_long() })),
            };
            if ended {
                // The quote is never closed: only the line that opened it is lost, the others are read again.
                let mut again = bytes.split_off(first_line_bytes);
                self.returned.read_to_end(&mut again)?;
                self.returned = Cursor::new(again);
                self.line = line;
                let reason = "a double quote is opened on this line and not closed".to_owned();
                return Ok(Some(Record { line, bytes: Err(reason) }));
            }
        }
        while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            bytes.pop();
        }
        Ok(Some(Record { line, bytes: Ok(bytes) }))
    }
}

impl<R: BufRead> Iterator for Records<R> {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<io::Result<Record>> {
        self.read_record().transpose()
    }
}

/// Reads up to and including the next line break, keeping nothing. Whether there was one.
fn skip_line(reader: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let available = reader.fill_buf()?;
        if available.is_empty() {
            return Ok(false);
        }
        match available.iter().position(|byte| *byte == b'\n') {
            Some(index) => {
                reader.consume(index + 1);
                return Ok(true);
            }
            None => {
                let length = available.len();
                reader.consume(length);
            }
        }
    }
}
