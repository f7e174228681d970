//! Small changes to inputs that are known, the way that makes parsers stumble.

use super::{Dice, rounds};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Inputs are not made longer than this.
const LONGEST: usize = 64 << 10;
/// What a program built without optimisation may take for one of them.
const SLOWEST: Duration = Duration::from_secs(10);

const BYTES: [u8; 12] = [0, 1, 0x7F, 0x80, 0xFF, b'\n', b' ', b'"', b'{', b'/', b'%', b'\\'];
const NUMBERS: [&str; 12] = [
    "0",
    "-1",
    "1",
    "255",
    "65536",
    "2147483648",
    "4294967295",
    "9223372036854775807",
    "18446744073709551615",
    "1e400",
    "0.5",
    "00",
];

/// What is tried on a parser.
pub struct Fuzz {
    /// Its name; inputs that break it are kept under it.
    pub name: &'static str,
    /// Inputs to begin with.
    pub corpus: Vec<Vec<u8>>,
    /// Words of its language.
    pub words: &'static [&'static str],
}

/// Every file in a folder of `tests/fixtures`, and below it, with this ending.
pub fn fixtures(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder)];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(ending) {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(!files.is_empty(), "{folder}");
    files.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// The lines of texts, each an input of its own.
pub fn lines(texts: &[Vec<u8>]) -> Vec<Vec<u8>> {
    texts.iter().flat_map(|text| text.split(|byte| *byte == b'\n')).map(<[u8]>::to_vec).collect()
}

impl Fuzz {
    /// Gives a parser every input of the corpus, and then changed ones for `$BACKSTAY_FUZZ_SECONDS`. An input that
    /// makes it panic or takes far too long is written to a file that the message names.
    #[track_caller]
    pub fn run(self, parse: impl Fn(&[u8])) {
        let mut dice = Dice::thrown();
        let until = Instant::now() + Duration::from_secs(u64::from(rounds("BACKSTAY_FUZZ_SECONDS", 2)));
        for input in &self.corpus {
            self.attempt(input, &parse);
        }
        let mut n_inputs = self.corpus.len();
        while Instant::now() < until {
            let input = self.changed(&mut dice);
            self.attempt(&input, &parse);
            n_inputs += 1;
        }
        println!("{}: {n_inputs} inputs", self.name);
    }

    #[track_caller]
    fn attempt(&self, input: &[u8], parse: &impl Fn(&[u8])) {
        let begun = Instant::now();
        let end = catch_unwind(AssertUnwindSafe(|| parse(input)));
        if end.is_err() {
            panic!("{} panics on {}", self.name, self.kept(input).display());
        }
        let took = begun.elapsed();
        assert!(took < SLOWEST, "{} takes {took:?} for {}", self.name, self.kept(input).display());
    }

    fn kept(&self, input: &[u8]) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        input.hash(&mut hasher);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz").join(self.name);
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{:016x}", hasher.finish()));
        fs::write(&path, input).unwrap();
        path
    }

    fn changed(&self, dice: &mut Dice) -> Vec<u8> {
        let mut input = self.corpus[dice.below(self.corpus.len())].clone();
        for _ in 0..=dice.below(6) {
            self.change(&mut input, dice);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&self, input: &mut Vec<u8>, dice: &mut Dice) {
        let at = dice.below(input.len() + 1);
        let end = (at + 1 + dice.below(40)).min(input.len()).max(at);
        match dice.below(10) {
            0 if at < input.len() => input[at] ^= 1 << dice.below(8),
            1 if at < input.len() => input[at] = BYTES[dice.below(BYTES.len())],
            2 => drop(input.drain(at..end)),
            3 => insert(input, at, &input[at..end].repeat(1 + dice.below(8))),
            4 if !self.words.is_empty() => insert(input, at, self.words[dice.below(self.words.len())].as_bytes()),
            5 => self.splice(input, at, dice),
            6 => replace_number(input, at, NUMBERS[dice.below(NUMBERS.len())]),
            7 => input.truncate(at),
            8 => swap_lines(input, dice),
            _ => {
                let bytes: Vec<u8> = (0..=dice.below(8)).map(|_| dice.number() as u8).collect();
                insert(input, at, &bytes);
            }
        }
    }

    /// Goes on with the end of another input.
    fn splice(&self, input: &mut Vec<u8>, at: usize, dice: &mut Dice) {
        let other = &self.corpus[dice.below(self.corpus.len())];
        input.truncate(at);
        input.extend_from_slice(&other[dice.below(other.len() + 1)..]);
    }
}

fn insert(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let bytes = bytes.to_vec();
    input.splice(at..at, bytes);
}

/// Puts another number in the place of the first one after a position.
fn replace_number(input: &mut Vec<u8>, at: usize, number: &str) {
    let Some(begin) = input[at..].iter().position(u8::is_ascii_digit).map(|begin| at + begin) else { return };
    let length = input[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    input.splice(begin..begin + length, number.bytes());
}

fn swap_lines(input: &mut Vec<u8>, dice: &mut Dice) {
    let mut lines: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
    if lines.len() > 1 {
        let (a, b) = (dice.below(lines.len()), dice.below(lines.len()));
        lines.swap(a, b);
        *input = lines.concat();
    }
}
