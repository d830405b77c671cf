//! The measurement as tables for people. Computes nothing.

use std::io::{self, Write};

use super::judgements::Part;
use super::{QueryResult, Results, Summary};

/// Writes tables; hit by hit where `hits` says so: of every query (empty), or of one.
pub(crate) fn print(out: &mut impl Write, results: &Results, hits: Option<&str>) -> io::Result<()> {
    let Results { products, products_refused, queries, queries_skipped, groups, per_query } = results;
    writeln!(out, "{products} products ({products_refused} refused), {queries} judged queries")?;
    writeln!(out, "Without a relevant product, and skipped: {}\n", queries_skipped.join(", "))?;
    writeln!(out, "{:<26}{:>22}{:>11}{:>9}{:>9}", "", "NDCG@10 (95 %)", "recall@10", "MRR", "judged")?;
    for group in groups {
        writeln!(out, "{}, {} queries", group.name, group.queries)?;
        summary(out, "  as served", &group.served)?;
        summary(out, "  plain BM25", &group.plain_bm25)?;
        let gain = &group.ndcg_gain;
        writeln!(out, "{:<26}{:>+8.4} ({:+.3}…{:+.3})", "  gain", gain.mean, gain.low, gain.high)?;
    }
    writeln!(out, "\n{:<26}{:>8}{:>9}{:>10}{:>9}", "Worst first", "NDCG@10", "plain", "relevant", "judged")?;
    for result in per_query {
        let QueryResult { query, part, relevant, served, plain_bm25, served_hits } = result;
        let part = match part {
            Part::Tune => "tune",
            Part::Report => "report",
        };
        let (ndcg, plain, judged) = (served.ndcg, plain_bm25.ndcg, served.judged_share * 100.0);
        writeln!(out, "{query:<26}{ndcg:>8.3}{plain:>9.3}{relevant:>10}{judged:>7.0} %  {part}")?;
        if hits.is_some_and(|wanted| wanted.is_empty() || wanted == query) {
            for hit in served_hits {
                let rating = hit.rating.map_or("–".to_owned(), |rating| rating.to_string());
                writeln!(out, "    {rating}  {:>9}  {}", hit.docid, hit.title)?;
            }
        }
    }
    Ok(())
}

fn summary(out: &mut impl Write, name: &str, summary: &Summary) -> io::Result<()> {
    let Summary { ndcg, recall, mrr, judged_share } = summary;
    let (mean, low, high, judged) = (ndcg.mean, ndcg.low, ndcg.high, judged_share * 100.0);
    writeln!(out, "{name:<26}{mean:>8.4} ({low:.3}…{high:.3}){recall:>11.3}{mrr:>9.3}{judged:>7.0} %")
}
