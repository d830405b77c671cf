//! `bench relevance`: asks every judged query of the code that serves, and of a plain BM25 beside it, and compares both with what
//! people judged. It tunes nothing.
//!
//! Products come from the Icecat set by the way that they take into a shop: the importer's reader, the index builder's documents.
//! What nobody judged counts as irrelevant; queries without a relevant product say nothing and are skipped. The queries are
//! parted in two by a hash of their words: whoever changes weights looks at one part ([`Part::Tune`]) and reports the other. How the
//! present ranking is put together was found with both parts in view, so that neither is proof of how it does on other words:
//! `--judgements` takes a file of those.
//!
//! Searches know the synonyms that a shop begins with, as served. Those bring products that nobody judged (a notebook for `laptop`), which
//! count as irrelevant however well they fit: the share that was judged says how much of a difference is that.

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

mod baseline;
mod catalogue;
mod interval;
mod judgements;
mod metric;
mod report;
mod served;

use self::baseline::Baseline;
use self::catalogue::Catalogue;
use self::interval::Interval;
use self::judgements::{Judged, Part};
use self::metric::Measures;
use self::served::Served;

/// Hits that are looked at.
const DEPTH: usize = 10;

/// Arguments of `bench relevance`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Folder of the Icecat set [default: ../shared/data/icecat, beside the project]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// File of judgements, CSV of query, docid, rating [default: judgements_dev.csv in that folder]
    #[arg(long, value_name = "FILE")]
    judgements: Option<PathBuf>,
    /// Show what each query found, hit by hit, with its rating (of one query, if its words follow)
    #[arg(long, value_name = "QUERY", num_args = 0..=1, default_missing_value = "")]
    hits: Option<String>,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Results {
    products: usize,
    products_refused: usize,
    queries: usize,
    /// Without a relevant product.
    queries_skipped: Vec<String>,
    groups: Vec<Group>,
    per_query: Vec<QueryResult>,
}

/// A group of queries: all, or one part.
#[derive(Debug, Serialize)]
struct Group {
    name: &'static str,
    queries: usize,
    served: Summary,
    plain_bm25: Summary,
    /// NDCG@10 of what serves, less that of plain BM25, query by query.
    ndcg_gain: Interval,
}

/// Means over queries.
#[derive(Debug, Serialize)]
struct Summary {
    ndcg: Interval,
    recall: f64,
    mrr: f64,
    judged_share: f64,
}

#[derive(Debug, Serialize)]
struct QueryResult {
    query: String,
    part: Part,
    relevant: usize,
    served: Measures,
    plain_bm25: Measures,
    served_hits: Vec<HitResult>,
}

#[derive(Debug, Serialize)]
struct HitResult {
    docid: String,
    title: String,
    /// `None` when nobody judged it.
    rating: Option<u8>,
}

/// Measures and prints.
///
/// # Errors
/// When the data is not there or not understood, or the index fails.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let folder = match &arguments.data {
        Some(folder) => folder.clone(),
        None => stack::Layout::find()?.root().join("../shared/data/icecat"),
    };
    let judgements = arguments.judgements.clone().unwrap_or_else(|| folder.join("judgements_dev.csv"));
    for file in [folder.join(importer::icecat::FILE), judgements.clone()] {
        ensure!(
            file.is_file(),
            "{} is missing: this measurement needs the Icecat set and its judged queries (--data names their folder)",
            file.display()
        );
    }
    let judged = judgements::read(&judgements)?;
    let catalogue = Catalogue::read(&folder)?;
    let results = measure(&catalogue, judged)?;
    let mut out = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut out, &results)?;
        writeln!(out)?;
    } else {
        report::print(&mut out, &results, arguments.hits.as_deref())?;
    }
    Ok(())
}

fn measure(catalogue: &Catalogue, judged: Vec<Judged>) -> Result<Results> {
    let served = Served::new(catalogue).context("the index does not compile")?;
    let baseline = Baseline::new(catalogue).context("the plain index does not compile")?;
    let queries = judged.len();
    let mut queries_skipped = Vec::new();
    let mut per_query = Vec::new();
    for judged in judged {
        let hits = served.search(&judged.query, DEPTH).with_context(|| format!("searching {:?}", judged.query))?;
        let plain = baseline.search(&judged.query, DEPTH)?;
        let places: Vec<&str> = hits.iter().map(|hit| catalogue.docid(hit.place)).collect();
        let plain: Vec<&str> = plain.into_iter().map(|place| catalogue.docid(place)).collect();
        let measures = (metric::measures(&places, &judged.ratings), metric::measures(&plain, &judged.ratings));
        let (Some(of_served), Some(of_plain)) = measures else {
            queries_skipped.push(judged.query);
            continue;
        };
        let hits = hits.into_iter().map(|hit| {
            let docid = catalogue.docid(hit.place).to_owned();
            HitResult { rating: judged.ratings.get(&docid).copied(), docid, title: hit.title }
        });
        per_query.push(QueryResult {
            part: judged.part(),
            relevant: judged.relevant(),
            served: of_served,
            plain_bm25: of_plain,
            served_hits: hits.collect(),
            query: judged.query,
        });
    }
    ensure!(!per_query.is_empty(), "no query has a relevant product: is this the right file of judgements?");
    let mut groups = vec![group("all", per_query.iter())];
    for (name, part) in [("tune part", Part::Tune), ("report part", Part::Report)] {
        groups.push(group(name, per_query.iter().filter(|result| result.part == part)));
    }
    per_query.sort_by(|a, b| a.served.ndcg.total_cmp(&b.served.ndcg));
    Ok(Results {
        products: catalogue.len(),
        products_refused: catalogue.refused,
        queries,
        queries_skipped,
        groups,
        per_query,
    })
}

fn group<'r>(name: &'static str, results: impl Iterator<Item = &'r QueryResult>) -> Group {
    let (served, plain): (Vec<Measures>, Vec<Measures>) =
        results.map(|result| (result.served, result.plain_bm25)).unzip();
    let gains: Vec<f64> = served.iter().zip(&plain).map(|(served, plain)| served.ndcg - plain.ndcg).collect();
    Group {
        name,
        queries: served.len(),
        served: summary(&served),
        plain_bm25: summary(&plain),
        ndcg_gain: Interval::of_mean(&gains),
    }
}

fn summary(measures: &[Measures]) -> Summary {
    let all = |of: fn(&Measures) -> f64| measures.iter().map(of).collect::<Vec<f64>>();
    let mean = |of: fn(&Measures) -> f64| interval::mean(&all(of));
    Summary {
        ndcg: Interval::of_mean(&all(|measures| measures.ndcg)),
        recall: mean(|measures| measures.recall),
        mrr: mean(|measures| measures.reciprocal_rank),
        judged_share: mean(|measures| measures.judged_share),
    }
}
