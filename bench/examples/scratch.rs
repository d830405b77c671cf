#[path = "../src/search_cost/catalogue.rs"]
#[allow(dead_code)]
mod catalogue;
use search::artefact::{BUNDLE, HOTCACHE};
fn main() {
    let n: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let t = std::time::Instant::now();
    let a = search::compile(catalogue::documents(n), 512 << 20).unwrap();
    println!("compile {:?}", t.elapsed());
    println!("{} {}", a.file(BUNDLE).len(), a.file(HOTCACHE).len());
    let hot = a.file(HOTCACHE);
    let num = |at: usize| u64::from_le_bytes(hot[at..at + 8].try_into().unwrap());
    let ranges: Vec<(u64, u64)> = (0..num(8) as usize).map(|i| (num(16 + i * 16), num(24 + i * 16))).collect();
    let m = serde_json::to_value(&a.manifest).unwrap();
    for f in &a.manifest.files {
        let (name, s, l) = (&f.name, f.offset, f.length);
        let h: u64 = ranges.iter().map(|(rs, rl)| (rs + rl).min(s + l).saturating_sub((*rs).max(s))).sum();
        println!("{:>12} {:>12} hot {}  {}", l, s, h, &name[name.len().saturating_sub(12)..]);
        for (rs, rl) in &ranges {
            if *rs < s + l && rs + rl > s && *rl > 40000 {
                println!("     {} +{}", rs.saturating_sub(s), rl);
            }
        }
    }
    std::fs::write("/tmp/manifest.json", serde_json::to_vec(&m).unwrap()).unwrap();
    std::fs::write("/tmp/hot.bin", a.file(HOTCACHE)).unwrap();
    std::fs::write("/tmp/bundle.bin", a.file(BUNDLE)).unwrap();
}
