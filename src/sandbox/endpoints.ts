/**
 * Endpoint templates of the Genesys Cloud Platform API, in the spelling of its public API description, by topic.
 * Methods of the same path are adjacent.
 */
const TOPICS = {
  conversations: `
    GET /api/v2/conversations
    GET DELETE /api/v2/conversations/{conversationId}
    GET /api/v2/conversations/calls
    POST /api/v2/conversations/calls
    GET PATCH /api/v2/conversations/calls/{conversationId}
    GET /api/v2/conversations/calls/history
    PATCH /api/v2/conversations/calls/{conversationId}/participants/{participantId}
    POST /api/v2/conversations/calls/{conversationId}/participants
    GET PATCH /api/v2/conversations/callbacks/{conversationId}
    POST /api/v2/conversations/callbacks
    GET POST /api/v2/conversations/emails
    GET /api/v2/conversations/emails/{conversationId}
    GET POST /api/v2/conversations/emails/{conversationId}/messages
    GET /api/v2/conversations/emails/{conversationId}/messages/{messageId}
    GET POST /api/v2/conversations/messages
    GET /api/v2/conversations/messages/{conversationId}
    GET /api/v2/conversations/messages/{messageId}/details
    PATCH /api/v2/conversations/{conversationId}/participants/{participantId}/attributes
    GET /api/v2/conversations/{conversationId}/recordings
    GET /api/v2/conversations/{conversationId}/recordingmetadata
    GET /api/v2/conversations/{conversationId}/recordings/{recordingId}`,
  users: `
    GET POST /api/v2/users
    GET PATCH /api/v2/users/{userId}
    GET /api/v2/users/me
    POST /api/v2/users/search
    GET /api/v2/users/{userId}/queues
    GET PUT /api/v2/users/{userId}/routingstatus
    GET PATCH /api/v2/users/{userId}/presences/purecloud
    GET POST /api/v2/users/{userId}/routingskills
    GET /api/v2/users/{userId}/station
    GET /api/v2/users/{subjectId}/roles
    GET /api/v2/users/{userId}/adjacents
    GET /api/v2/groups
    GET /api/v2/groups/{groupId}/members
    GET /api/v2/locations
    GET /api/v2/stations
    GET /api/v2/teams/{teamId}/members
    GET /api/v2/authorization/roles
    GET /api/v2/authorization/divisions
    GET /api/v2/authorization/subjects/{subjectId}`,
  routing: `
    GET POST /api/v2/routing/queues
    GET PUT /api/v2/routing/queues/{queueId}
    GET POST /api/v2/routing/queues/{queueId}/members
    GET /api/v2/routing/queues/{queueId}/wrapupcodes
    GET /api/v2/routing/queues/{queueId}/estimatedwaittime
    GET /api/v2/routing/skills
    GET /api/v2/routing/wrapupcodes
    GET /api/v2/routing/languages
    GET /api/v2/routing/email/domains
    GET /api/v2/routing/sms/phonenumbers
    GET /api/v2/flows
    GET /api/v2/flows/{flowId}
    GET /api/v2/flows/executions/{flowExecutionId}
    POST /api/v2/flows/executions
    GET /api/v2/flows/datatables
    GET POST /api/v2/flows/datatables/{datatableId}/rows
    GET PUT /api/v2/flows/datatables/{datatableId}/rows/{rowId}
    GET /api/v2/architect/ivrs
    GET /api/v2/architect/prompts
    GET /api/v2/architect/schedules
    POST /api/v2/integrations/actions/{actionId}/execute
    GET /api/v2/integrations/actions`,
  analytics: `
    POST /api/v2/analytics/conversations/details/query
    POST /api/v2/analytics/conversations/details/jobs
    GET /api/v2/analytics/conversations/details/jobs/{jobId}
    GET /api/v2/analytics/conversations/details/jobs/{jobId}/results
    GET /api/v2/analytics/conversations/{conversationId}/details
    POST /api/v2/analytics/conversations/aggregates/query
    POST /api/v2/analytics/users/aggregates/query
    POST /api/v2/analytics/users/details/query
    POST /api/v2/analytics/queues/observations/query
    POST /api/v2/analytics/users/observations/query
    POST /api/v2/analytics/flows/aggregates/query
    POST /api/v2/analytics/evaluations/aggregates/query
    POST /api/v2/analytics/surveys/aggregates/query
    POST /api/v2/analytics/transcripts/aggregates/query
    GET POST /api/v2/analytics/reporting/exports
    GET /api/v2/downloads/{downloadId}
    POST /api/v2/audits/query
    GET /api/v2/audits/query/{transactionId}/results
    GET /api/v2/usage/query/{executionId}/results
    POST /api/v2/usage/query
    POST /api/v2/usage/aggregates/query/jobs
    GET /api/v2/usage/aggregates/query/jobs/{jobId}`,
  outbound: `
    GET POST /api/v2/outbound/contactlists
    GET /api/v2/outbound/contactlists/{contactListId}
    POST /api/v2/outbound/contactlists/{contactListId}/contacts
    GET PUT DELETE /api/v2/outbound/contactlists/{contactListId}/contacts/{contactId}
    GET /api/v2/outbound/campaigns
    GET PUT /api/v2/outbound/campaigns/{campaignId}
    GET /api/v2/outbound/campaigns/{campaignId}/progress
    GET /api/v2/outbound/campaigns/{campaignId}/stats
    GET /api/v2/outbound/dnclists
    POST /api/v2/outbound/dnclists/{dncListId}/phonenumbers
    GET POST /api/v2/externalcontacts/contacts
    GET PUT /api/v2/externalcontacts/contacts/{contactId}
    GET /api/v2/externalcontacts/organizations/{externalOrganizationId}
    GET /api/v2/externalcontacts/reversewhitepageslookup
    POST /api/v2/responsemanagement/responses/query`,
  quality: `
    GET /api/v2/quality/evaluations/query
    GET /api/v2/quality/forms/evaluations
    GET /api/v2/quality/conversations/{conversationId}/evaluations/{evaluationId}
    GET /api/v2/quality/publishedforms
    GET POST /api/v2/recording/jobs
    GET /api/v2/recording/jobs/{jobId}
    POST /api/v2/recording/batchrequests
    GET /api/v2/recording/batchrequests/{jobId}
    GET /api/v2/speechandtextanalytics/conversations/{conversationId}
    GET /api/v2/speechandtextanalytics/conversations/{conversationId}/communications/{communicationId}/transcripturl
    GET /api/v2/speechandtextanalytics/topics
    GET /api/v2/coaching/appointments
    GET /api/v2/learning/assignments
    GET /api/v2/gamification/leaderboard
    GET /api/v2/workforcemanagement/businessunits
    GET /api/v2/workforcemanagement/managementunits/{managementUnitId}/users
    POST /api/v2/workforcemanagement/managementunits/{managementUnitId}/schedules/search
    POST /api/v2/workforcemanagement/adherence/historical/bulk
    GET /api/v2/workforcemanagement/adherence`,
  client: `
    POST /api/v2/notifications/channels
    HEAD /api/v2/notifications/channels/{channelId}
    GET PUT POST DELETE /api/v2/notifications/channels/{channelId}/subscriptions
    GET /api/v2/notifications/availabletopics
    GET /api/v2/presence/definitions
    GET /api/v2/organizations/me
    GET DELETE /api/v2/tokens/me
    GET /api/v2/oauth/clients
    GET /api/v2/knowledge/knowledgebases
    POST /api/v2/knowledge/knowledgebases/{knowledgeBaseId}/documents/query
    GET /api/v2/scripts/published
    GET /api/v2/telephony/providers/edges
    GET /api/v2/telephony/providers/edges/sites
    GET /api/v2/license/users
    POST /api/v2/search
    GET /api/v2/voicemail/messages
    GET PUT PATCH /api/v2/scim/v2/users/{userId}
    GET POST /api/v2/scim/v2/users
    GET /api/v2/scim/v2/groups`,
} as const;

export type Topic = keyof typeof TOPICS;

export interface Endpoint {
  readonly topic: Topic;
  readonly method: string;
  readonly uri: string;
  /** The index of `uri` among the distinct templates, and of `method` in METHODS. */
  readonly uriIndex: number;
  readonly methodIndex: number;
}

/** In the order of the jobs service's `httpMethods` filter. */
export const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] as const;

const uris: string[] = [];
const endpoints: Endpoint[] = [];
for (const [topic, text] of Object.entries(TOPICS)) {
  for (const line of text.trim().split("\n")) {
    const words = line.trim().split(" ");
    const uri = words.pop() ?? "";
    if (!uris.includes(uri)) uris.push(uri);
    for (const method of words) {
      const methodIndex = METHODS.findIndex((known) => known === method);
      endpoints.push({ topic: topic as Topic, method, uri, uriIndex: uris.indexOf(uri), methodIndex });
    }
  }
}

export const ENDPOINTS: readonly Endpoint[] = endpoints;
export const URIS: readonly string[] = uris;

/** The indexes into ENDPOINTS of the endpoints of topics. */
export function endpointsOf(topics: readonly Topic[]): number[] {
  return [...ENDPOINTS.keys()].filter((i) => topics.includes(ENDPOINTS[i]?.topic ?? "client"));
}
