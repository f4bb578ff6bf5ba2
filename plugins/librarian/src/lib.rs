//! A component in the style of those that other hosts serve: it knows nothing of this
//! one, and reaches files by WASI alone.

wit_bindgen::generate!({ path: "wit", world: "librarian", generate_all });

use wasi::filesystem::preopens::get_directories;
use wasi::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, OpenFlags, PathFlags,
};

/// What is read of a file at once.
const PIECE_BYTES: u64 = 64 << 10;

struct Librarian;

impl Guest for Librarian {
    fn shelf(folder: String) -> Result<Vec<String>, String> {
        let told = |code: ErrorCode| failed("list", &folder, code);
        let opened = open(&folder, OpenFlags::DIRECTORY, DescriptorFlags::READ)?;
        let entries = opened.read_directory().map_err(told)?;
        let mut names = Vec::new();
        while let Some(entry) = entries.read_directory_entry().map_err(told)? {
            let slash = if entry.type_ == DescriptorType::Directory {
                "/"
            } else {
                ""
            };
            names.push(format!("{}{slash}", entry.name));
        }
        names.sort();
        Ok(names)
    }

    fn lend(path: String) -> Result<String, String> {
        let file = open(&path, OpenFlags::empty(), DescriptorFlags::READ)?;
        let mut bytes = Vec::new();
        loop {
            let at = bytes.len() as u64;
            let read = file.read(PIECE_BYTES, at);
            let (piece, end) = read.map_err(|code| failed("read", &path, code))?;
            bytes.extend(piece);
            if end {
                break;
            }
        }
        String::from_utf8(bytes).map_err(|_| format!("failed to read {path}: it is no text"))
    }

    fn store(path: String, text: String) -> Result<String, String> {
        let how = OpenFlags::CREATE | OpenFlags::TRUNCATE;
        let file = open(&path, how, DescriptorFlags::WRITE)?;
        let mut written = 0;
        while written < text.len() {
            let piece = file.write(&text.as_bytes()[written..], written as u64);
            written += piece.map_err(|code| failed("write", &path, code))? as usize;
        }
        Ok(format!("{path} has {} bytes now", text.len()))
    }

    fn search(path: String, word: String) -> Result<Vec<(u32, String)>, String> {
        let text = Self::lend(path)?;
        let lines = (1..).zip(text.lines());
        let found = lines.filter(|(_, line)| line.contains(&word));
        Ok(found
            .map(|(number, line)| (number, line.to_owned()))
            .collect())
    }
}

/// Opens what is at a path, in the folder of the host's that it begins with.
fn open(path: &str, how: OpenFlags, flags: DescriptorFlags) -> Result<Descriptor, String> {
    for (folder, name) in get_directories() {
        let Some(rest) = path.strip_prefix(name.as_str()) else {
            continue;
        };
        let below = match rest.trim_start_matches('/') {
            "" => ".",
            below => below,
        };
        let opened = folder.open_at(PathFlags::SYMLINK_FOLLOW, below, how, flags);
        return opened.map_err(|code| failed("open", path, code));
    }
    Err(format!(
        "failed to open {path}: no folder that is there holds it"
    ))
}

fn failed(what: &str, path: &str, code: ErrorCode) -> String {
    format!("failed to {what} {path}: {}", code.name())
}

export!(Librarian);
