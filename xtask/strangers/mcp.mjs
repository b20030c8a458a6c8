// Calls the tools of CircleCI's MCP server (npm `@circleci/mcp-server-circleci`) as a coding agent does, over its standard input and
// output, and prints one line of JSON for each call.
//
// usage: node mcp.mjs SCRATCH_FOLDER SCENE, where the scene is JSON: the names and ids of what the double has.
// Environment: CIRCLECI_BASE_URL and CIRCLECI_TOKEN.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const [scratch, scene] = [process.argv[2], JSON.parse(process.argv[3])];
const { project, branch, organizationId, failedWorkflow, failedPipeline, failedJob } = scene;
const web = `https://app.circleci.com/pipelines/${project}/${failedPipeline}`;
const csv = join(scratch, 'usage.csv');
const columns = 'project_name,workflow_name,job_name,resource_class,median_cpu_utilization_pct,max_cpu_utilization_pct,'
  + 'median_ram_utilization_pct,max_ram_utilization_pct,compute_credits';
writeFileSync(csv, `${columns}\nweb,build,test,large,12,20,10,15,100\n`);

/** The name of each tool, its arguments, and a text that its successful output contains. */
const calls = [
  ['list_followed_projects', {}, 'web'],
  ['get_latest_pipeline_status', { projectSlug: project, branch }, 'Workflow'],
  ['get_latest_pipeline_status', { projectURL: web }, 'Workflow'],
  ['get_build_failure_logs', { projectSlug: project, branch }, 'failed'],
  ['get_build_failure_logs', { projectURL: `${web}/workflows/${failedWorkflow}/jobs/${failedJob}` }, 'failed'],
  ['find_flaky_tests', { projectSlug: project }, 'test_'],
  ['get_job_test_results', { projectSlug: project, branch }, 'test_'],
  ['get_job_test_results', { projectURL: web, filterByTestsResult: 'failure' }, 'test_'],
  ['list_artifacts', { projectSlug: project, branch }, 'junit'],
  ['list_artifacts', { projectURL: `${web}/workflows/${failedWorkflow}/jobs/${failedJob}` }, 'junit'],
  ['config_helper', { configFile: 'version: 2.1\n' }, 'valid'],
  ['run_pipeline', { projectSlug: project, branch }, 'Pipeline run successfully'],
  ['rerun_workflow', { workflowId: failedWorkflow, fromFailed: true }, 'workflow'],
  ['download_usage_api_data', { orgId: organizationId, startDate: '2026-01-01', endDate: '2026-01-20', outputDir: scratch }, 'Job ID'],
  ['download_usage_api_data', { orgId: organizationId, jobId: 'JOB', startDate: '2026-01-01', endDate: '2026-01-20', outputDir: scratch }, 'saved to'],
  ['find_underused_resource_classes', { csvFilePath: csv, threshold: 40 }, 'test'],
  ['list_component_versions', { projectSlug: project, componentID: scene.component, environmentID: scene.environment }, '1.0.0'],
  ['run_rollback_pipeline', {
    projectSlug: project, environmentName: 'prod-app', componentName: 'service-a', currentVersion: '1.0.1',
    targetVersion: '1.0.0', namespace: 'default',
  }, 'Rollback initiated'],
];

const server = new URL('node_modules/@circleci/mcp-server-circleci/dist/index.js', import.meta.url).pathname;
const transport = new StdioClientTransport({
  command: process.execPath,
  args: [server],
  env: { ...process.env, DISABLE_TELEMETRY: 'true', FILE_OUTPUT_DIRECTORY: '' },
  stderr: 'ignore',
});
const client = new Client({ name: 'strangers', version: '1' });
await client.connect(transport);
let job;
for (const [name, params, expected] of calls) {
  const given = params.jobId === 'JOB' ? { ...params, jobId: job } : params;
  let text;
  let worked = false;
  try {
    let answer = await client.callTool({ name, arguments: { params: given } });
    text = (answer.content ?? []).map((part) => part.text ?? '').join('\n');
    // The export runs in the background, so poll until it is complete.
    for (let more = 0; more < 3 && text.includes('still processing'); more += 1) {
      answer = await client.callTool({ name, arguments: { params: given } });
      text = (answer.content ?? []).map((part) => part.text ?? '').join('\n');
    }
    job = /Job ID: (\S+)/.exec(text)?.[1] ?? job;
    worked = answer.isError !== true && text.includes(expected);
  } catch (error) {
    text = String(error?.message ?? error);
  }
  const why = worked ? '' : text.replace(/\s+/g, ' ').slice(0, 300);
  console.log(JSON.stringify({ call: name, worked, why }));
}
await client.close();
