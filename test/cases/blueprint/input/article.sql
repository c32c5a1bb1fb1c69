SELECT * FROM "genesysclouddb"."gc_usage_api_source" WHERE granularity='day' ORDER BY status429 DESC, clientId limit 10
