//! Compiles `policies/names/words.txt`, which `policies/names/build.py` writes, into `words.fst`.
//!
//! Run by hand when the lists change; the compiled file is committed, the text is not.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/names");
    let lines = std::fs::read_to_string(folder.join("words.txt"))?;
    let compiled = pli::policy::title::compile_word_list(&lines)?;
    std::fs::write(folder.join("words.fst"), &compiled)?;
    println!("{} lines, {} bytes", lines.lines().count(), compiled.len());
    Ok(())
}
