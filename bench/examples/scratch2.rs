#[path = "../src/search_cost/catalogue.rs"]
#[allow(dead_code)]
mod catalogue;
#[path = "../src/search_cost/native.rs"]
#[allow(dead_code)]
mod native;
#[path = "../src/search_cost/questions.rs"]
#[allow(dead_code)]
mod questions;
use search::artefact::{BUNDLE, HOTCACHE};
fn main() {
    let n: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let t = std::time::Instant::now();
    let a = search::compile(catalogue::documents(n), 512 << 20).unwrap();
    println!("compile {:?} bundle {} hot {}", t.elapsed(), a.file(BUNDLE).len(), a.file(HOTCACHE).len());
    let hot = a.file(HOTCACHE);
    let num = |at: usize| u64::from_le_bytes(hot[at..at + 8].try_into().unwrap());
    let ranges: Vec<(u64, u64)> = (0..num(8) as usize).map(|i| (num(16 + i * 16), num(24 + i * 16))).collect();
    for f in &a.manifest.files {
        let (name, s, l) = (&f.name, f.offset, f.length);
        let h: u64 = ranges.iter().map(|(rs, rl)| (rs + rl).min(s + l).saturating_sub((*rs).max(s))).sum();
        println!("{:>12} hot {:>12}  {}", l, h, &name[name.len().saturating_sub(12)..]);
    }
    let native = native::Native::open(a).unwrap();
    for (kind, requests) in questions::questions(n, 60) {
        let mut m: Vec<f64> = native.ask(&requests, 20).unwrap().iter().map(|m| m.milliseconds).collect();
        m.sort_by(f64::total_cmp);
        println!("{:<18} p50 {:.3} p99 {:.3}", kind.name(), m[m.len() / 2], m[m.len() - 1]);
    }
}
