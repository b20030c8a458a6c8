//! Usage exports. An export is completed when a client polls it for the second time.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::super::answer::{Body, Refusal};
use super::super::received::Received;
use super::super::state::file_url;
use super::records::Export;
use super::reply::{not_found, ok};
use super::world::{Handler, Outcome, World, date, text};

/// The maximum time range of an export.
const LONGEST: TimeDelta = TimeDelta::days(31);
/// The maximum number of exports that a world keeps.
const KEPT: usize = 100;

pub(super) const HANDLERS: &[(&str, Handler)] =
    &[("createUsageExport", create), ("getUsageExport", get)];

fn time(request: &Received, key: &str) -> Result<DateTime<Utc>, Refusal> {
    let text = text(request, key)?;
    let time = DateTime::parse_from_rfc3339(&text);
    let wrong = |_| Refusal::new(400, format!("{key} has an invalid value."));
    time.map(|time| time.to_utc()).map_err(wrong)
}

fn create(world: &mut World, request: &Received) -> Outcome {
    let (start, end) = (time(request, "start")?, time(request, "end")?);
    if end < start || end - start > LONGEST {
        let message = "The end must be at most 31 days after the start.";
        return Err(Refusal::new(400, message));
    }
    let id = world.id();
    let json = json!({
        "usage_export_job_id": id,
        "state": "created",
        "start": date(start),
        "end": date(end),
        "download_urls": null,
    });
    world.exports.push_back(Export { id, polls: 0 });
    while world.exports.len() > KEPT {
        world.exports.pop_front();
    }
    ok(json)
}

fn get(world: &mut World, request: &Received) -> Outcome {
    let id = request.path("usage_export_job_id").unwrap_or_default();
    let file = format!("ci/{}/usage/{id}", world.project_id);
    let mut exports = world.exports.iter_mut();
    let export = exports.find(|it| it.id == id);
    let export = export.ok_or_else(|| not_found("Usage export job"))?;
    export.polls += 1;
    let completed = export.polls > 1;
    let urls = completed.then(|| vec![file_url(&format!("http://{}", request.host), &file)]);
    ok(json!({
        "usage_export_job_id": id,
        "state": if completed { "completed" } else { "processing" },
        "download_urls": urls,
    }))
}

/// Returns the file of an export. It is gzip-compressed CSV with one row for each job that has ended.
pub(super) fn stored_export(world: &World, id: &str) -> Option<Body> {
    world.exports.iter().find(|it| it.id == id)?;
    let mut csv = "organization_id,organization_name,project_id,project_name,pipeline_id,pipeline_number,workflow_id,workflow_name,\
         job_id,job_name,job_run_number,job_run_started_at,job_run_stopped_at,job_build_status,resource_class,\
         median_cpu_utilization_pct,max_cpu_utilization_pct,median_ram_utilization_pct,max_ram_utilization_pct,total_credits\n"
        .to_owned();
    for run in world.runs() {
        let (Some(started), Some(stopped)) = (run.started_at, run.stopped_at) else {
            continue;
        };
        let row = [
            world.org_id.clone(),
            world.slug.organization().to_owned(),
            world.project_id.clone(),
            world.slug.project().to_owned(),
            run.pipeline.clone(),
            run.pipeline_number.to_string(),
            run.id.clone(),
            run.script.name.clone(),
            run.job.clone(),
            run.script.name.clone(),
            run.job_number.to_string(),
            date(started),
            date(stopped),
            run.job_status(),
            "medium".to_owned(),
            "21.5".to_owned(),
            "64.0".to_owned(),
            "18.0".to_owned(),
            "33.0".to_owned(),
            run.credits().to_string(),
        ];
        let quoted = row.map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")));
        csv += &quoted.join(",");
        csv.push('\n');
    }
    Some(Body::File(gzip(csv.as_bytes())))
}

/// Returns a gzip file that holds `data` in uncompressed blocks.
fn gzip(data: &[u8]) -> Vec<u8> {
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let blocks: Vec<&[u8]> = data.chunks(0xffff).collect();
    let last = blocks.len().saturating_sub(1);
    for (index, block) in blocks.iter().enumerate() {
        let length = block.len() as u16;
        file.push(u8::from(index == last));
        file.extend(length.to_le_bytes());
        file.extend((!length).to_le_bytes());
        file.extend(*block);
    }
    let crc = data.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ (crc & 1).wrapping_neg() & 0xedb8_8320
        })
    });
    file.extend((!crc).to_le_bytes());
    file.extend((data.len() as u32).to_le_bytes());
    file
}
